import { expressionOf } from "../../conditions/policies";
import type { JudgedSchema } from "../../model/judged-schema";
import { quoteName, tableObject } from "../../model/names";
import type { ForeignKey, Table } from "../../model/schema";
import { type Findings, defineRule } from "../rule";

/** PostgreSQL does what a foreign key says with the table owner's rights, and asks no policy. */
export const foreignKeyActionsRule = defineRule({
  name: "foreign-key-actions",
  code: "POL135",
  description:
    "Who deletes a row of their own deletes or changes no rows of others by a foreign key.",
  severity: "medium",
  level: "advisory",
  remediation:
    "Write `on delete restrict`, or let a row name none but rows of its own user, in the `with check`.",
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
