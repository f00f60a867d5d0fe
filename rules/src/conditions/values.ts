import type { Node, SelectStmt, TypeName } from "libpg-query";
import type { Contract } from "../model/contract";
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
const numericTypes = ["int2", "int4", "int8", "numeric", "float4", "float8"];

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
export function isPlainSelect(select: SelectStmt): boolean {
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

/** Whether a condition is true, false or null by its text alone; undefined for a condition that is not constant or not read. */
export function constantTruth(node: Node): boolean | null | undefined {
  if ("A_Const" in node) {
    if (node.A_Const.isnull) return null;
    return node.A_Const.boolval && (node.A_Const.boolval.boolval ?? false);
  }
  if ("TypeCast" in node && hasOnly(node.TypeCast, "arg", "typeName")) {
    if (plainType(node.TypeCast.typeName) !== "bool" || !node.TypeCast.arg) return undefined;
    const inner = constantTruth(node.TypeCast.arg);
    const value = constantValue(node.TypeCast.arg);
    if (inner !== undefined || value === undefined) return inner;
    return typeof value === "number" ? value !== 0 : booleanText(value);
  }
  if (!("A_Expr" in node) || !hasOnly(node.A_Expr, "kind", "name", "lexpr", "rexpr"))
    return undefined;
  const { kind, name = [], lexpr, rexpr } = node.A_Expr;
  const [left, right] = [lexpr && constantValue(lexpr), rexpr && constantValue(rexpr)];
  if (kind !== "AEXPR_OP" || left === undefined || typeof left !== typeof right) return undefined;
  // Texts that differ may still be equal as values of their type.
  const isEqual = left === right || (typeof left === "number" ? false : undefined);
  const operator = identifiers(name).join(".");
  if (operator === "=") return isEqual;
  return operator === "<>" && isEqual !== undefined ? !isEqual : undefined;
}

/** A number or text that is written out, below any cast that cannot fail to keep it. */
function constantValue(node: Node): number | string | undefined {
  if ("A_Const" in node) {
    const { ival, fval, sval, isnull } = node.A_Const;
    if (isnull) return undefined;
    if (ival) return ival.ival ?? 0;
    if (fval) return Number(fval.fval);
    return sval && (sval.sval ?? "");
  }
  if (!("TypeCast" in node) || !hasOnly(node.TypeCast, "arg", "typeName")) return undefined;
  const type = plainType(node.TypeCast.typeName);
  const value = node.TypeCast.arg && constantValue(node.TypeCast.arg);
  if (type === undefined) return undefined;
  if (!numericTypes.includes(type)) return typeof value === "string" ? value : undefined;
  const number = Number(value);
  return value === undefined || Number.isNaN(number) ? undefined : number;
}

/** What PostgreSQL's boolean input makes of a text: any beginning of these words that is not ambiguous. */
function booleanText(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (word === "") return undefined;
  if (["true", "yes", "1"].some((whole) => whole.startsWith(word)) || word === "on") return true;
  if (["false", "no", "0"].some((whole) => whole.startsWith(word)) || /^off?$/.test(word))
    return false;
  return undefined;
}

/** Whether a value is read from the verified claims of the request, and not from the row. */
export function isOfRequest(tree: Node, contract: Contract): boolean {
  return (
    nodesIn(tree, "ColumnRef").length === 0 &&
    functionCalls({ tree }).some(
      ({ schema = "pg_catalog", name, args }) =>
        contract.identityFunctions.some((one) => one.schema === schema && one.name === name) ||
        (name === "current_setting" && constantText(args[0]) === contract.claims.setting),
    )
  );
}

/** What in a value whoever makes a request can choose, or is the same for all of them; as a clause. */
export function chosenByUser(tree: Node, contract: Contract): string | undefined {
  let readsClaims = false;
  for (const { schema = "pg_catalog", name, args } of functionCalls(tree)) {
    if (contract.identityFunctions.some((item) => item.schema === schema && item.name === name)) {
      readsClaims = true;
    }
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
