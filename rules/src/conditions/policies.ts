import type { Node } from "libpg-query";
import type { JudgedSchema } from "../model/judged-schema";
import type { RowPolicy, RowPolicyCommand, Table } from "../model/schema";
import { identifiers, nodesIn, parseExpression } from "../sql/expressions";
import { type Outcome, allOf, classify } from "./classify";
import { columnOf, isIdentity, withoutCasts } from "./values";

/** The expression that holds: `using` stands in for a `with check` that is left out. */
export function expressionOf(policy: RowPolicy, part: "using" | "check"): string | null {
  if (part === "using") return policy.command === "insert" ? null : policy.using;
  if (policy.command === "select" || policy.command === "delete") return null;
  return policy.check ?? (policy.command === "insert" ? null : policy.using);
}

/**
 * What a permissive policy lets through for a command, beside the restrictive policies that bind everybody
 * whom it binds.
 */
export function outcomeOf(
  table: Table,
  policy: RowPolicy,
  part: "using" | "check",
  command: RowPolicyCommand,
  judged: JudgedSchema,
): Outcome {
  const restricting = (table.policies ?? []).filter(
    (other) =>
      !other.permissive &&
      (other.command === "all" || other.command === command) &&
      (other.roles.includes("public") || policy.roles.every((role) => other.roles.includes(role))),
  );
  return allOf(
    [policy, ...restricting].flatMap((each): Outcome[] => {
      const expression = expressionOf(each, part);
      return expression === null ? [] : [classify(expression, { table, judged })];
    }),
  );
}

/** The columns that policies of a table compare with the signed-in user. */
export function comparedColumns(table: Table, { contract }: JudgedSchema): string[] {
  const expressions = (table.policies ?? []).flatMap(({ using, check }) => [using, check]);
  const found = expressions.flatMap((expression) => {
    const tree = expression === null ? undefined : parseExpression(expression);
    return nodesIn(tree, "A_Expr").flatMap(({ A_Expr: { name = [], lexpr, rexpr } }) => {
      const isEqual = identifiers(name).join(".") === "=";
      const sides = isEqual && lexpr && rexpr ? [lexpr, rexpr] : [];
      return sides.some((side) => isIdentity(side, contract)) ? sides.flatMap(columnsOf) : [];
    });
  });
  const names = (table.columns ?? []).map(({ name }) => name);
  return names.filter((name) => found.includes(name));
}

/** The columns by which a row says whose it is, or what it belongs to. */
export function namingColumns(table: Table, judged: JudgedSchema): string[] {
  const compared = comparedColumns(table, judged);
  return (table.columns ?? [])
    .map(({ name }) => name)
    .filter(
      (name) =>
        compared.includes(name) ||
        judged.namesUser(table, name) ||
        judged.references(table, name).size > 1,
    );
}

function columnsOf(node: Node): string[] {
  const column = columnOf(withoutCasts(node));
  return column ? [column.column] : [];
}
