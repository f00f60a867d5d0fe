import type { Node, SelectStmt } from "libpg-query";
import { constantKey } from "./conditions";
import { functionCalls, identifiers, readCall } from "./expressions";
import { onlyTarget, selectOf } from "./identity-expressions";

// What the nodes of a condition are, by their form alone.

export const aggregates =
  /^(count|min|max|sum|avg|array_agg|string_agg|jsonb?_agg|bool_or|bool_and|every)$/;

/** What is wrong with an operator that is not PostgreSQL's own. */
export function foreignOperator(parts: readonly string[]): string | undefined {
  const [schema, name] = parts.length > 1 ? parts : ["pg_catalog", parts[0]];
  return schema === "pg_catalog"
    ? undefined
    : `the operator ${schema ?? ""}.${name ?? ""} is not PostgreSQL's own`;
}

/** Whether what is selected is an aggregate of plain values. */
export function isAggregate(node: Node): boolean {
  if (JSON.stringify(node).includes('"SubLink"')) return false;
  return functionCalls(node).some(({ name }) => aggregates.test(name));
}

/** The node of an equation. */
export function equals(lexpr: Node, rexpr: Node): Node {
  return { A_Expr: { kind: "AEXPR_OP", name: [{ String: { sval: "=" } }], lexpr, rexpr } };
}

/** Whether an `=` compares what is true or false, and not values. */
export function areConditions(one: Node, other: Node): boolean {
  const isTruth = (node: Node) => "A_Const" in node && node.A_Const.boolval !== undefined;
  return isTruth(one) || isTruth(other) || (isCondition(one) && isCondition(other));
}

/** Whether a value is true or false by its form. */
function isCondition(node: Node): boolean {
  if ("SubLink" in node) {
    const { subLinkType, subselect } = node.SubLink;
    const select = selectOf(subselect);
    const target = select && onlyTarget(select);
    if (subLinkType === "EXPR_SUBLINK") return target !== undefined && isCondition(target);
    return subLinkType !== "ARRAY_SUBLINK";
  }
  if ("A_Expr" in node) {
    const { kind, name = [], lexpr } = node.A_Expr;
    if (kind === "AEXPR_NULLIF") return lexpr !== undefined && isCondition(lexpr);
    return kind !== "AEXPR_OP" || comparisons.includes(identifiers(name).at(-1) ?? "");
  }
  return "BoolExpr" in node || "NullTest" in node || "BooleanTest" in node;
}

const comparisons: readonly string[] = ["=", "<>", "<", ">", "<=", ">="];

/** The query of `array(select …)`. */
export function arrayQuery(node: Node): SelectStmt | undefined {
  if ("TypeCast" in node && node.TypeCast.arg) return arrayQuery(node.TypeCast.arg);
  const isArray = "SubLink" in node && node.SubLink.subLinkType === "ARRAY_SUBLINK";
  return isArray ? selectOf(node.SubLink.subselect) : undefined;
}

/** The condition in a value by which its rows are read, whatever becomes of its outcome. */
export function readCondition(node: Node): Node | undefined {
  if ("BoolExpr" in node) {
    const { boolop, args: [only] = [] } = node.BoolExpr;
    return boolop === "NOT_EXPR" && only ? readCondition(only) : node;
  }
  if ("NullTest" in node && node.NullTest.arg) return readCondition(node.NullTest.arg);
  return "SubLink" in node || "CaseExpr" in node ? node : undefined;
}

/** Whether a value is written as NULL. */
export function isNull(node: Node): boolean {
  if ("TypeCast" in node && node.TypeCast.arg) return isNull(node.TypeCast.arg);
  return "A_Const" in node && node.A_Const.isnull === true;
}

/** Whether a value is a constant. */
export function isConstant(value: string): boolean {
  return value.startsWith("'") || value.startsWith("#");
}

/** What is wrong with comparing a value with itself, as a clause. */
export function sameValue(value: string): string {
  if (isConstant(value)) return "it compares a constant with itself";
  return `it compares ${value.slice(value.indexOf(".") + 1)} with itself, which every row passes`;
}

/** What a row or an array is made of. */
export function partsOf(node: Node): readonly Node[] | undefined {
  return "RowExpr" in node ? (node.RowExpr.args ?? []) : arrayOf(node);
}

/** The elements of an array that is written out. */
export function arrayOf(node: Node): readonly Node[] | undefined {
  return "A_ArrayExpr" in node ? listOf(node) : undefined;
}

/** The items of a list or array that is written out. */
export function listOf(node: Node): readonly Node[] | undefined {
  if ("List" in node) return node.List.items ?? [];
  if ("TypeCast" in node && node.TypeCast.arg) return listOf(node.TypeCast.arg);
  return "A_ArrayExpr" in node ? (node.A_ArrayExpr.elements ?? []) : undefined;
}

/** The query of `(select count(*) …) > 0`, which asks whether it has a row. */
export function countedQuery(operator: string | undefined, lexpr: Node, rexpr: Node) {
  const least = constantKey(rexpr);
  const isSome =
    (least === "#0" && (operator === ">" || operator === "<>")) ||
    (least === "#1" && operator === ">=");
  if (!isSome || !("SubLink" in lexpr) || lexpr.SubLink.subLinkType !== "EXPR_SUBLINK") {
    return undefined;
  }
  const select = selectOf(lexpr.SubLink.subselect);
  const target = select && onlyTarget(select);
  const isCount = target && "FuncCall" in target && readCall(target.FuncCall).name === "count";
  if (!select || !isCount || select.groupClause || select.havingClause || select.larg) {
    return undefined;
  }
  return { ...select, targetList: [] };
}
