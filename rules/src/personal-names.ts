import { snakeCase } from "./names";
import type { Column } from "./schema";

// What is somebody's by its name, where no foreign key tells.
const groups =
  "user|customer|member|account|profile|person|people|patient|student|employee|tenant|org|organization|organisation|team|workspace|household";
const personal = new RegExp(
  `(^|_)(${groups}|owner|author|creator|email|phone|password|secret|token|ssn|salary|address|iban|card|body_private)s?($|_)`,
);
const group = new RegExp(`(^|_)(${groups})s?$`);
/** What such a name says when it ends so is about a kind: \`phone_code\`, \`account_type\`. */
const kind = /_(code|type|kind|prefix|format|limit|quota|count|template|label|class|tier|level)s?$/;
const number = /^(big|small)?(int|serial)|^(numeric|decimal|real|double|float|money)/;
const personalNumber = /_id$|(^|_)(phone|ssn|salary|iban|card)($|_)/;

/** Whether a column says that somebody's rows are in its table. */
export function isPersonal({ name: written, type }: Column): boolean {
  const name = snakeCase(written);
  if (!personal.test(name) || kind.test(name) || type.startsWith("bool")) return false;
  if (number.test(type)) return personalNumber.test(name);
  // A book's author is a fact about the book.
  return type === "uuid" || !/^(author|creator)(_name)?$/.test(name);
}

/** Whether a table of this name lists people, or groups of them. */
export function isGroup(name: string): boolean {
  return group.test(snakeCase(name));
}
