import type { Node, SelectStmt, TypeName } from "libpg-query";
import { identifiers, isNode, parseExpression } from "../sql/expressions";

/**
 * What is known of each kind of node. One with any other field is not read, so that no condition is taken
 * for less than it says.
 */
const knownFields = {
  A_ArrayExpr: ["elements", "list_start", "list_end"],
  A_Expr: ["kind", "name", "lexpr", "rexpr"],
  BoolExpr: ["boolop", "args"],
  BooleanTest: ["arg", "booltesttype"],
  ColumnRef: ["fields"],
  FuncCall: ["funcname", "args", "funcformat"],
  JoinExpr: ["jointype", "larg", "rarg", "quals"],
  NullTest: ["arg", "nulltesttype"],
  RangeVar: ["schemaname", "relname", "inh", "relpersistence", "alias"],
  ResTarget: ["name", "val"],
  SelectStmt: ["targetList", "fromClause", "whereClause", "limitOption", "op"],
  SubLink: ["subLinkType", "testexpr", "subselect"],
  TypeCast: ["arg", "typeName"],
};

/** The fields of a node of one kind; undefined for any other, and where it has a field that is not known. */
export function fieldsOf<K extends keyof typeof knownFields>(
  node: Node | undefined,
  kind: K,
): Extract<Node, Record<K, unknown>>[K] | undefined {
  if (!isNode(node, kind)) return undefined;
  return hasOnly(Object(node[kind]), knownFields[kind]) ? node[kind] : undefined;
}

/** Whether an object has no other fields than these; where it stands in the text does not count. */
export function hasOnly(node: object, fields: readonly string[]): boolean {
  return Object.keys(node).every((field) => field === "location" || fields.includes(field));
}

/** A query that has nothing but a list of values, FROM and WHERE; undefined for any other. */
export function selectOf(node: Node | undefined): SelectStmt | undefined {
  const select = fieldsOf(node, "SelectStmt");
  const isPlain = select?.op === "SETOP_NONE" && select.limitOption === "LIMIT_OPTION_DEFAULT";
  return isPlain ? select : undefined;
}

/** What a query of one column selects. */
export function onlyTarget({ targetList = [] }: SelectStmt): Node | undefined {
  const [target, another] = targetList;
  return another ? undefined : fieldsOf(target, "ResTarget")?.val;
}

/** What a query selects that reads from nowhere. */
export function valueWithoutRows(select: SelectStmt | undefined): Node | undefined {
  return select && !select.fromClause && !select.whereClause ? onlyTarget(select) : undefined;
}

/** The value of `(select value)`; undefined where it reads from anywhere. */
export function selectedValue(node: Node): Node | undefined {
  const link = fieldsOf(node, "SubLink");
  return link?.subLinkType === "EXPR_SUBLINK"
    ? valueWithoutRows(selectOf(link.subselect))
    : undefined;
}

/** A column and the table or alias before it; undefined for a whole row and anything else. */
export function columnOf(node: Node): { from: string | undefined; column: string } | undefined {
  const fields = fieldsOf(node, "ColumnRef")?.fields ?? [];
  const names = identifiers(fields);
  const column = names.at(-1);
  if (names.length !== fields.length || names.length > 2 || column === undefined) return undefined;
  return { from: names.length === 2 ? names[0] : undefined, column };
}

/** The sides of `left = right` by PostgreSQL's own operator; undefined for anything else. */
export function equalSides(node: Node, operator = "="): [left: Node, right: Node] | undefined {
  const { kind, name = [], lexpr, rexpr } = fieldsOf(node, "A_Expr") ?? {};
  const isOperator = kind === "AEXPR_OP" && identifiers(name).join(".") === operator;
  return isOperator && lexpr && rexpr ? [lexpr, rexpr] : undefined;
}

/** Casts between these keep two users different. */
export const faithfulTypes = ["uuid", "text", "varchar", "json", "jsonb"];

/** The node below casts that keep two users different. */
export function withoutCasts(node: Node): Node {
  const { arg, typeName } = fieldsOf(node, "TypeCast") ?? {};
  return arg && faithfulTypes.includes(plainType(typeName) ?? "") ? withoutCasts(arg) : node;
}

/** A type of PostgreSQL's own without modifiers; undefined for any other. */
export function plainType(type: TypeName | undefined): string | undefined {
  if (!type || !hasOnly(type, ["names", "typemod"])) return undefined;
  const [name, ...schema] = identifiers(type.names ?? []).reverse();
  return schema.length === 0 || schema[0] === "pg_catalog" ? name : undefined;
}

/** The column that a generated one of this type is a copy of; undefined where it is more, or less. */
export function copiedColumnOf(expression: string, type: string): string | undefined {
  const tree = parseExpression(expression);
  // Other types may shorten what they are given.
  const isWhole = type === "uuid" || type === "text";
  return tree && isWhole ? columnOf(withoutCasts(tree))?.column : undefined;
}
