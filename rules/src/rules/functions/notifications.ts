import { isShared } from "../../conditions/shared-tables";
import type { JudgedSchema } from "../../model/judged-schema";
import { functionObject } from "../../model/names";
import type { DatabaseFunction } from "../../model/schema";
import { functionCalls, identifiers, isNode } from "../../sql/expressions";
import { type FunctionBody, functionBody } from "../../sql/function-body";
import { type Findings, defineRule } from "../rule";

/** Variables that are given each other's values are followed this far. */
const MAXIMUM_DEPTH = 5;

/** LISTEN needs no right and meets no policy. */
export const notificationsRule = defineRule({
  name: "notifications",
  code: "POL129",
  description: "No function notifies all listeners of what users' rows contain.",
  severity: "high",
  level: "mandatory",
  remediation: "Send the row's id alone, and let listeners read the row under its policies.",
  find: (judged) =>
    judged.functions
      .filter(({ source }) => /\b(pg_)?notify\b/i.test(source ?? ""))
      .filter((item) => !isOfNobody(item, judged))
      .map(find),
});

function find(item: DatabaseFunction): Findings {
  const body = functionBody(item);
  const sent = body ? sentBy(body) : "what the rules cannot read";
  if (sent === undefined) return [];
  const named = functionObject(item);
  return {
    ...named,
    message:
      `${named.object} notifies every listener of a channel, and listening needs no right: it sends ${sent}; ` +
      "a notification must hold only constants and ids",
  };
}

/** Whether it is only run by triggers of tables that hold rows of nobody. */
function isOfNobody(item: DatabaseFunction, judged: JudgedSchema): boolean {
  const tables = judged.triggersOf(item).map(({ relation }) => judged.table(relation));
  return item.returns === "trigger" && tables.every((table) => table && isShared(table, judged));
}

function sentBy(body: FunctionBody): string | undefined {
  return functionCalls(body.trees)
    .filter(({ name }) => name === "pg_notify")
    .flatMap(({ args }) => args)
    .map((value) => contentIn(value, body, 0))
    .find((name) => name !== undefined);
}

/** What a value says beside constants, keys and what a trigger is called for. */
function contentIn(value: unknown, body: FunctionBody, depth: number): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (isNode(value, "ColumnRef")) {
    const { fields = [] } = value.ColumnRef;
    const name = identifiers(fields).join(".");
    const last = identifiers(fields).at(-1) ?? "";
    const isWhole = identifiers(fields).length < fields.length;
    if (!isWhole && /(^|_)id$|^tg_|Id$/.test(last)) return undefined;
    const assigned = depth < MAXIMUM_DEPTH ? body.assigned.get(name) : undefined;
    if (!assigned) return isWhole ? `${name}.*` : name;
    return assigned
      .map((each) => contentIn(each, body, depth + 1))
      .find((found) => found !== undefined);
  }
  return Object.values(value)
    .map((part) => contentIn(part, body, depth))
    .find((found) => found !== undefined);
}
