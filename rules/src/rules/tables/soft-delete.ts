import type { Node } from "libpg-query";
import { expressionOf } from "../../conditions/policies";
import { columnOf, fieldsOf } from "../../conditions/syntax";
import type { JudgedSchema } from "../../model/judged-schema";
import { tableObject } from "../../model/names";
import type { RowPolicy, Table } from "../../model/schema";
import { parseExpression } from "../../sql/expressions";
import { type Findings, defineRule } from "../rule";

/** PostgreSQL refuses an update whose new row the policies for reading it hide. */
export const softDeleteRule = defineRule({
  name: "soft-delete",
  code: "POL139",
  description: "A column that hides rows once it is set can be set by the users who may update it.",
  severity: "low",
  level: "advisory",
  remediation: "Leave the null test to queries or a view, or set the column in a function.",
  find: (judged) => judged.tables.map((table) => find(table, judged)),
});

function find(table: Table, judged: JudgedSchema): Findings {
  if (!judged.canDo(table, "update")) return undefined;
  const named = tableObject(table);
  const required = (["select", "update"] as const).map((command) =>
    requiredNulls(table, command, judged),
  );
  return (table.columns ?? [])
    .filter(({ notNull }) => !notNull)
    .filter(({ name }) => judged.isGranted(table, "update", [name]))
    .filter(({ name }) => required.some((columns) => columns.includes(name)))
    .map(({ name }) => ({
      ...named,
      message:
        `policies of ${named.object} let end users update ${name}, and hide every row in which it is set: an update ` +
        "that sets it fails, since the policies for reading must show the new row, too",
      remediation:
        `Take \`${name} is null\` out of the policies and into queries or a security invoker view, or let a ` +
        `function of the back office set ${name}.`,
    }));
}

/** The columns that must be null in a row that is read, or in one that an update leaves. */
function requiredNulls(table: Table, command: "select" | "update", judged: JudgedSchema): string[] {
  const part = command === "select" ? "using" : "check";
  const [first = [], ...others] = judged
    .policiesFor(table, command)
    .filter(({ permissive }) => permissive)
    .map((policy) => nullColumns(policy, part));
  return first.filter((column) => others.every((columns) => columns.includes(column)));
}

/** The columns that a policy requires to be null. */
function nullColumns(policy: RowPolicy, part: "using" | "check"): string[] {
  const tree = parseExpression(expressionOf(policy, part) ?? "");
  return conjuncts(tree).flatMap((node) => {
    const { nulltesttype, arg } = fieldsOf(node, "NullTest") ?? {};
    return arg && nulltesttype === "IS_NULL" ? (columnOf(arg)?.column ?? []) : [];
  });
}

/** What AND joins. */
function conjuncts(node: Node | undefined): Node[] {
  const { boolop, args = [] } = fieldsOf(node, "BoolExpr") ?? {};
  if (boolop === "AND_EXPR") return args.flatMap(conjuncts);
  return node ? [node] : [];
}
