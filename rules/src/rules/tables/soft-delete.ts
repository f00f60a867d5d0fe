import type { Node } from "libpg-query";
import { expressionOf } from "../../conditions/policies";
import { columnOf } from "../../conditions/syntax";
import type { JudgedSchema } from "../../model/judged-schema";
import { tableObject } from "../../model/names";
import type { RowPolicy, Table } from "../../model/schema";
import { parseExpression } from "../../sql/expressions";
import { type Found, defineRule } from "../rule";

/** PostgreSQL refuses an update whose new row the policies for reading it hide. */
export const softDeleteRule = defineRule({
  name: "soft-delete",
  code: "POL139",
  description: "A column that hides rows once it is set can be set by the users who may update it.",
  severity: "low",
  level: "advisory",
  remediation: "Leave the null test to queries or a view, or set the column in a function.",
  find: (judged) => judged.tables.flatMap((table) => find(table, judged)),
});

function find(table: Table, judged: JudgedSchema): Found[] {
  const named = tableObject(table);
  const hidden = (table.columns ?? []).filter(
    ({ name, notNull }) =>
      !notNull &&
      judged.isGranted(table, "update", [name]) &&
      (["select", "update"] as const).some((command) => hides(table, command, name, judged)),
  );
  return hidden.map(({ name }) => ({
    ...named,
    message:
      `policies of ${named.object} let end users update ${name}, and hide every row in which it is set: an update ` +
      "that sets it fails, since the policies for reading must show the new row, too",
    remediation:
      `Take \`${name} is null\` out of the policies and into queries or a security invoker view, or let a ` +
      `function of the back office set ${name}.`,
  }));
}

/** Whether each policy that shows the row as it becomes asks for the column to be null. */
function hides(
  table: Table,
  command: "select" | "update",
  column: string,
  judged: JudgedSchema,
): boolean {
  const policies = judged.policiesFor(table, command).filter(({ permissive }) => permissive);
  return (
    judged.canDo(table, "update") &&
    policies.length > 0 &&
    policies.every((policy) =>
      asksForNull(policy, command === "select" ? "using" : "check", column),
    )
  );
}

function asksForNull(policy: RowPolicy, part: "using" | "check", column: string): boolean {
  const tree = parseExpression(expressionOf(policy, part) ?? "");
  return tree !== undefined && partsOf(tree).some((node) => isNullTest(node, column));
}

/** What AND joins. */
function partsOf(node: Node): Node[] {
  return "BoolExpr" in node && node.BoolExpr.boolop === "AND_EXPR"
    ? (node.BoolExpr.args ?? []).flatMap(partsOf)
    : [node];
}

function isNullTest(node: Node, column: string): boolean {
  if (!("NullTest" in node) || node.NullTest.nulltesttype !== "IS_NULL") return false;
  return node.NullTest.arg !== undefined && columnOf(node.NullTest.arg)?.column === column;
}
