import type { Node } from "libpg-query";
import { type Body, statementsOf } from "./body-statements";
import { functionCalls, identifiers } from "./expressions";
import { selectOf } from "./identity-expressions";
import { quoteName, snakeCase } from "./names";
import { ownerProof } from "./owner-proof";
import { type Found, defineRule } from "./rule";
import type { DatabaseFunction, Schema } from "./schema";

/** Variables that are given each other's values are followed this far. */
const MAXIMUM_DEPTH = 5;
/** What names a row, or the trigger that runs, tells nothing of what the row says. */
const harmless = /(^|_)id$|^tg_/;

/** No right is needed to LISTEN, and no policy is asked. */
export const notificationsRule = defineRule({
  name: "notifications",
  code: "POL129",
  description: "No function sends what rows of users say to whoever listens.",
  severity: "high",
  level: "mandatory",
  remediation: "Send the row's id, and let who listens read the row under its policies.",
  find: (schema) => (schema.functions ?? []).flatMap((item) => told(schema, item)),
});

function told(schema: Schema, item: DatabaseFunction): Found[] {
  if (!/\b(pg_)?notify\b/i.test(item.source ?? "") || isOfNobody(schema, item)) return [];
  const body = statementsOf(item);
  const reason = body ? sentBy(body) : "what it puts together can not be read";
  if (reason === undefined) return [];
  const object = `function ${quoteName(item)}(${item.arguments})`;
  return [
    {
      object,
      message:
        `${object} notifies whoever listens on a channel, for which no right is needed: ${reason}; ` +
        "a notification must hold nothing but constants and ids",
      remediation: "Send the row's id alone, and let who listens read the row under its policies.",
      origin: item.origin,
    },
  ];
}

/** Whether it is only run by triggers of tables that hold rows of nobody. */
function isOfNobody(schema: Schema, item: DatabaseFunction): boolean {
  if (item.returns !== "trigger") return false;
  const { ownership } = ownerProof(schema);
  return (schema.triggers ?? [])
    .filter((trigger) => quoteName(trigger.function) === quoteName(item))
    .every(({ relation }) => {
      const table = ownership.table(relation);
      return table !== undefined && ownership.isOwnerless(table);
    });
}

function sentBy(body: Body): string | undefined {
  const sent = body.statements
    .flatMap(functionCalls)
    .filter(({ name }) => name === "pg_notify")
    .flatMap(({ args }) => args);
  const content = sent.map((value) => contentIn(value, body)).find((name) => name !== undefined);
  return content === undefined ? undefined : `it sends ${content}`;
}

/** What a value says beside constants and ids. */
function contentIn(value: unknown, body: Body, depth = 0): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ("ColumnRef" in value) {
    const { fields = [] } = (value as Extract<Node, { ColumnRef: unknown }>).ColumnRef;
    const name = identifiers(fields).join(".");
    const last = fields.at(-1);
    const isStar = last !== undefined && "A_Star" in last;
    if (!isStar && harmless.test(snakeCase(name.split(".").at(-1) ?? ""))) return undefined;
    const given = depth < MAXIMUM_DEPTH ? body.variables.get(name) : undefined;
    if (!given) return isStar ? `${name}.*` : name;
    return contentIn(given, body, depth + 1);
  }
  const select = "SubLink" in value ? selectOf((value as Sub).SubLink.subselect) : undefined;
  const inner: unknown[] = Object.values(select?.targetList ?? value);
  return inner.map((item) => contentIn(item, body, depth)).find((name) => name !== undefined);
}

type Sub = Extract<Node, { SubLink: unknown }>;
