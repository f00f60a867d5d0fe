import { expressionOf } from "../../conditions/policies";
import type { JudgedSchema } from "../../model/judged-schema";
import { quoteName, tableObject } from "../../model/names";
import type { ForeignKey, Table } from "../../model/schema";
import { type Findings, defineRule } from "../rule";

/** PostgreSQL acts on a foreign key with the rights of the table's owner, past all policies. */
export const foreignKeyActionsRule = defineRule({
  name: "foreign-key-actions",
  code: "POL135",
  description:
    "A user who deletes their own row deletes or changes no rows of others through a foreign key.",
  severity: "medium",
  level: "advisory",
  remediation:
    "Write `on delete restrict`, or let `with check` allow references to the user's own rows alone.",
  find: (judged) =>
    judged.tables
      // What holds for a partitioned table is said once.
      .filter(({ kind }) => kind !== "partition")
      .map((child) => (child.foreignKeys ?? []).map((key) => find(child, key, judged))),
});

function find(child: Table, key: ForeignKey, judged: JudgedSchema): Findings {
  const parent = judged.table(key.table);
  if (!parent || key.onDelete === undefined || !judged.canDo(parent, "delete")) return [];
  const does = key.onDelete === "cascade" ? "delete" : "update";
  const others = judged.userColumns(child).filter((column) => !key.columns.includes(column));
  if (others.length === 0 || judged.canDo(child, does) || isTied(child, parent, judged)) return [];
  const named = tableObject(child);
  return {
    ...named,
    message:
      `the foreign key (${key.columns.join(", ")}) of ${named.object} is \`on delete ${key.onDelete}\`: who deletes ` +
      `a row of ${quoteName(parent)} ${does}s rows of other users (${others.join(", ")}), which no policy lets them do`,
  };
}

/** Whether new rows are checked against the parent. */
function isTied(child: Table, parent: Table, judged: JudgedSchema): boolean {
  return judged
    .policiesFor(child, "insert")
    .some((policy) => expressionOf(policy, "check")?.includes(quoteName(parent)));
}
