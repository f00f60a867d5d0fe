import { isShared } from "../../conditions/shared-tables";
import type { JudgedSchema } from "../../model/judged-schema";
import { tableObject } from "../../model/names";
import type { Column, Table } from "../../model/schema";
import { type Findings, defineRule } from "../rule";

// The one place where words decide: no key says of these tables that their rows are somebody's.
const groups =
  "user|customer|member|account|profile|person|people|patient|student|employee|tenant|org|organization|organisation|team|workspace|household";
const personal = new RegExp(
  `(^|_)(${groups}|owner|author|creator|email|phone|password|secret|token|ssn|salary|address|iban|card)s?($|_)`,
);
const group = new RegExp(`(^|_)(${groups})s?$`);
/** A name that ends so is about a kind: `phone_code`, `account_type`. */
const kind = /_(code|type|kind|prefix|format|limit|quota|count|template|label|class|tier|level)s?$/;
const number = /^(big|small)?(int|serial)|^(numeric|decimal|real|double|float|money)/;
const personalNumber = /_id$|(^|_)(phone|ssn|salary|iban|card)($|_)/;

/** Signed-in users may read a table whose rows are nobody's; rows about people and groups are somebody's. */
export const personalDataRule = defineRule({
  name: "personal-data",
  code: "POL137",
  description: "No table that is about people or groups is open to every signed-in user.",
  severity: "high",
  level: "mandatory",
  remediation:
    "Refer to the table of users and write a policy on that, or list the table in `sharedTables` of the contract.",
  find: (judged) => judged.tables.flatMap((table) => find(table, judged)),
});

function find(table: Table, judged: JudgedSchema): Findings {
  if (judged.isDeclaredShared(table) || !judged.canDo(table, "select")) return [];
  const column = (table.columns ?? []).find(isPersonal);
  const what = group.test(snakeCase(table.name)) ? "its name" : column?.name;
  if (what === undefined || !isShared(table, judged)) return [];
  const named = tableObject(table);
  return {
    ...named,
    message: `every signed-in user reads ${named.object}, and ${what} says that it is about people or groups; only the people who belong to them may read these`,
    remediation:
      "Refer to the table of users and write a policy on that. Where everybody is meant to read it, list it " +
      "in `sharedTables` of the contract, or waive it.",
  };
}

function isPersonal({ name: written, type }: Column): boolean {
  const name = snakeCase(written);
  if (!personal.test(name) || kind.test(name) || type.startsWith("bool")) return false;
  if (number.test(type)) return personalNumber.test(name);
  // A book's author is a fact about the book.
  return type === "uuid" || !/^(author|creator)(_name)?$/.test(name);
}

/** `userId` is `user_id`. */
function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}
