import type { Node } from "libpg-query";
import { identifiers } from "./expressions";
import { expressionTree } from "./function-bodies";
import { isIdentity, withoutCasts } from "./identity-expressions";
import type { Table } from "./schema";

/** The columns of a table that its policies compare with the signed-in user by \`=\` or \`in\`. */
export function comparedWithUser({ policies = [] }: Table): string[] {
  const expressions = policies.flatMap(({ using, check }) => [using, check]);
  const found = expressions.flatMap((expression) => {
    const tree = expression === null ? undefined : expressionTree(expression);
    return tree ? comparedIn(tree) : [];
  });
  return [...new Set(found)];
}

function comparedIn(tree: unknown): string[] {
  if (Array.isArray(tree)) return tree.flatMap(comparedIn);
  if (typeof tree !== "object" || tree === null) return [];
  // The columns of a sub-query are those of other tables.
  if ("fromClause" in tree) return [];
  if (!("A_Expr" in tree)) return Object.values(tree).flatMap(comparedIn);
  const { kind, name = [], lexpr, rexpr } = (tree as Extract<Node, { A_Expr: unknown }>).A_Expr;
  if (!lexpr || !rexpr) return [];
  const isEqual = identifiers(name).at(-1) === "=" && kind !== "AEXPR_OP_ALL";
  const sides = isEqual ? [...partsOf(lexpr), ...partsOf(rexpr)] : [];
  if (sides.some(isIdentity)) return sides.flatMap(columnOf);
  return [...comparedIn(lexpr), ...comparedIn(rexpr)];
}

function partsOf(node: Node): readonly Node[] {
  if ("List" in node) return node.List.items ?? [];
  return "A_ArrayExpr" in node ? (node.A_ArrayExpr.elements ?? []) : [node];
}

function columnOf(written: Node): string[] {
  const node = withoutCasts(written);
  const name = "ColumnRef" in node ? identifiers(node.ColumnRef.fields ?? []).at(-1) : undefined;
  return name === undefined ? [] : [name];
}
