import type { Node, SelectStmt, TypeName } from "libpg-query";
import { type Contract, isIdentityFunction } from "../model/contract";
import {
  constantText,
  functionCalls,
  identifiers,
  nodesIn,
  parseExpression,
} from "../sql/expressions";

// Every function here names the nodes and the fields that it knows. What has any other is not read.

/** Casts between these keep two users different. */
const faithfulTypes = ["uuid", "text", "varchar", "json", "jsonb"];

/** Whether a node has no other fields than these; where it stands in the text does not count. */
export function hasOnly(node: object, ...fields: string[]): boolean {
  return Object.keys(node).every((field) => field === "location" || fields.includes(field));
}

/**
 * A value written in one way, so that two texts of the same value are equal: without faithful casts,
 * `(select …)` around it, and the argument of `current_setting` that says what a missing setting does.
 * @returns undefined for what is not known to have one value in a query.
 */
export function spell(node: Node | undefined): string | undefined {
  if (!node) return undefined;
  if ("TypeCast" in node) {
    const { arg, typeName } = node.TypeCast;
    const type = hasOnly(node.TypeCast, "arg", "typeName") ? plainType(typeName) : undefined;
    const value = spell(arg);
    if (type === undefined || value === undefined) return undefined;
    return faithfulTypes.includes(type) ? value : `${value}::${type}`;
  }
  if ("A_Const" in node) {
    return JSON.stringify({ ...node.A_Const, location: undefined });
  }
  if ("ColumnRef" in node) {
    const column = columnOf(node);
    return column && JSON.stringify(column);
  }
  if ("FuncCall" in node) {
    if (!hasOnly(node.FuncCall, "funcname", "args", "funcformat")) return undefined;
    const name = identifiers(node.FuncCall.funcname ?? []).join(".");
    const args = (node.FuncCall.args ?? []).map(spell);
    const needed = name === "current_setting" ? args.slice(0, 1) : args;
    return needed.includes(undefined) ? undefined : `${name}(${needed.join(",")})`;
  }
  if ("A_Expr" in node) {
    const { kind, name = [], lexpr, rexpr } = node.A_Expr;
    if (!hasOnly(node.A_Expr, "kind", "name", "lexpr", "rexpr")) return undefined;
    if (kind === "AEXPR_NULLIF") return constantText(rexpr) === "" ? spell(lexpr) : undefined;
    const [left, right] = [spell(lexpr), spell(rexpr)];
    if (kind !== "AEXPR_OP" || left === undefined || right === undefined) return undefined;
    return `(${left} ${identifiers(name).join(".")} ${right})`;
  }
  return spell(selectedValue(node));
}

/** The value of `(select value)`; undefined where it reads from anywhere. */
export function selectedValue(node: Node): Node | undefined {
  if (!("SubLink" in node) || node.SubLink.subLinkType !== "EXPR_SUBLINK") return undefined;
  const select = selectOf(node.SubLink.subselect);
  return select && !select.fromClause && isPlainSelect(select) && !select.whereClause
    ? onlyTarget(select)
    : undefined;
}

/** The query of a sub-link; undefined where it has anything but a list of values, FROM and WHERE. */
export function selectOf(node: Node | undefined): SelectStmt | undefined {
  const select = node && "SelectStmt" in node ? node.SelectStmt : undefined;
  return select && isPlainSelect(select) ? select : undefined;
}

/** Whether a query has nothing but a list of values, FROM and WHERE. */
function isPlainSelect(select: SelectStmt): boolean {
  return (
    hasOnly(select, "targetList", "fromClause", "whereClause", "limitOption", "op") &&
    select.op === "SETOP_NONE" &&
    select.limitOption === "LIMIT_OPTION_DEFAULT"
  );
}

/** What a query of one column selects. */
export function onlyTarget({ targetList = [] }: SelectStmt): Node | undefined {
  const [target, another] = targetList;
  return target && !another && "ResTarget" in target && hasOnly(target.ResTarget, "name", "val")
    ? target.ResTarget.val
    : undefined;
}

/** A column and the table or alias before it; undefined for a whole row and anything else. */
export function columnOf(node: Node): { from: string | undefined; column: string } | undefined {
  if (!("ColumnRef" in node) || !hasOnly(node.ColumnRef, "fields")) return undefined;
  const fields = node.ColumnRef.fields ?? [];
  const names = identifiers(fields);
  const column = names.at(-1);
  if (names.length !== fields.length || names.length > 2 || column === undefined) return undefined;
  return { from: names.length === 2 ? names[0] : undefined, column };
}

/** The node below casts that keep two users different. */
export function withoutCasts(node: Node): Node {
  if (!("TypeCast" in node) || !hasOnly(node.TypeCast, "arg", "typeName")) return node;
  const { arg, typeName } = node.TypeCast;
  return arg && faithfulTypes.includes(plainType(typeName) ?? "") ? withoutCasts(arg) : node;
}

const identities = new WeakMap<Contract, ReadonlySet<string | undefined>>();

/** Whether a value is the id of the signed-in user, or null. */
export function isIdentity(node: Node, contract: Contract): boolean {
  const known =
    identities.get(contract) ??
    new Set(contract.identity.map((expression) => spell(parseExpression(expression))));
  identities.set(contract, known);
  const value = spell(node);
  return value !== undefined && known.has(value);
}

/**
 * Whether a condition is true, false or null as it is written: a literal, or two integers that are compared.
 * @returns undefined for every other condition: what casts make of constants only the server knows.
 */
export function constantTruth(node: Node): boolean | null | undefined {
  if ("A_Const" in node) {
    if (node.A_Const.isnull) return null;
    return node.A_Const.boolval && (node.A_Const.boolval.boolval ?? false);
  }
  if ("TypeCast" in node && hasOnly(node.TypeCast, "arg", "typeName")) {
    const { arg, typeName } = node.TypeCast;
    return arg && plainType(typeName) === "bool" ? constantTruth(arg) : undefined;
  }
  const [left, right] = equalSides(node) ?? [];
  if (!left || !right || !("A_Const" in left) || !("A_Const" in right)) return undefined;
  const [one, other] = [left.A_Const.ival, right.A_Const.ival];
  return one && other && (one.ival ?? 0) === (other.ival ?? 0);
}

/** The sides of `left = right` by PostgreSQL's own operator; undefined for anything else. */
export function equalSides(node: Node, operator = "="): [left: Node, right: Node] | undefined {
  if (!("A_Expr" in node) || !hasOnly(node.A_Expr, "kind", "name", "lexpr", "rexpr"))
    return undefined;
  const { kind, name = [], lexpr, rexpr } = node.A_Expr;
  const isOperator = kind === "AEXPR_OP" && identifiers(name).join(".") === operator;
  return isOperator && lexpr && rexpr ? [lexpr, rexpr] : undefined;
}

/** Whether a value is read from the verified claims of the request, and not from the row. */
export function isOfRequest(tree: Node, contract: Contract): boolean {
  return (
    nodesIn(tree, "ColumnRef").length === 0 &&
    functionCalls({ tree }).some(
      (call) =>
        isIdentityFunction(call, contract) ||
        (call.name === "current_setting" && constantText(call.args[0]) === contract.claims.setting),
    )
  );
}

/** What in a value whoever makes a request can choose, or is the same for all of them; as a clause. */
export function chosenByUser(tree: Node, contract: Contract): string | undefined {
  let readsClaims = false;
  for (const call of functionCalls(tree)) {
    if (isIdentityFunction(call, contract)) readsClaims = true;
    const { schema = "pg_catalog", name, args } = call;
    if (schema !== "pg_catalog" || name !== "current_setting") continue;
    const setting = constantText(args[0]);
    if (setting === contract.claims.setting) readsClaims = true;
    else if (setting === undefined || !contract.trustedSettings.includes(setting)) {
      return `it trusts the setting ${setting ?? "of a computed name"}, which any session can set`;
    }
  }
  const claim = readsClaims
    ? claimKeys(tree).find((key) => contract.userWrittenClaims.includes(key))
    : undefined;
  if (claim !== undefined) return `it trusts the claim ${claim}, which users choose themselves`;
  const asked = nodesIn(tree, "SQLValueFunction").map((node) => node.SQLValueFunction.op ?? "");
  return asked.some((op) => /_(USER|ROLE)$/.test(op))
    ? "it asks for the database role, which is the same for all signed-in users"
    : undefined;
}

/** Whether a condition asks neither who makes the request nor any table, and calls PostgreSQL's own functions alone. */
export function asksNothing(tree: Node): boolean {
  return (
    ["SubLink", "SQLValueFunction", "ParamRef"].every((kind) => nodesIn(tree, kind).length === 0) &&
    functionCalls({ tree }).every(
      ({ schema, name }) => schema === undefined && !/^(current_|session_|random|pg_)/.test(name),
    ) &&
    nodesIn(tree, "A_Expr").every((node) => node.A_Expr.name?.length === 1)
  );
}

/** The keys that `->`, `->>`, `#>` and `#>>` ask for. */
function claimKeys(tree: Node): string[] {
  return nodesIn(tree, "A_Expr").flatMap(({ A_Expr: { name = [], rexpr } }) => {
    const isKey = /^(->>?|#>>?)$/.test(identifiers(name).join("."));
    return isKey ? (constantText(rexpr)?.split(/[{},"\s]+/) ?? []) : [];
  });
}

/** A type of PostgreSQL's own without modifiers; undefined for any other. */
function plainType(type: TypeName | undefined): string | undefined {
  if (!type || !hasOnly(type, "names", "typemod")) return undefined;
  const [name, ...schema] = identifiers(type.names ?? []).reverse();
  return schema.length === 0 || schema[0] === "pg_catalog" ? name : undefined;
}
