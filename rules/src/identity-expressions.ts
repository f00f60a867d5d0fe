import type { Node, SelectStmt } from "libpg-query";
import { claimsSetting, identitySchema } from "./contract";
import { type Call, constantText, functionCalls, identifiers, readCall } from "./expressions";
import { typeName } from "./nodes";

/** Casts that keep two different users different. */
const faithfulTypes: readonly string[] = ["uuid", "text", "varchar", "json", "jsonb"];

/** The value below casts that keep its meaning; the case of what was cast to text is none. */
export function withoutCasts(node: Node): Node {
  if ("FuncCall" in node) {
    const call = readCall(node.FuncCall);
    const [arg] = call.args;
    const isCase = isBuiltIn(call, "lower") || isBuiltIn(call, "upper");
    return isCase && arg && "TypeCast" in arg ? withoutCasts(arg) : node;
  }
  if (!("TypeCast" in node)) return node;
  const { arg, typeName: type } = node.TypeCast;
  if (!arg || !faithfulTypes.includes(typeName(type)) || type?.typmods) return node;
  return withoutCasts(arg);
}

/** The value of `(select value)`; undefined where it reads from anywhere. */
export function selectedValue(node: Node): Node | undefined {
  if (!("SubLink" in node) || node.SubLink.subLinkType !== "EXPR_SUBLINK") return undefined;
  const select = selectOf(node.SubLink.subselect);
  if (!select || select.fromClause || select.larg || select.withClause) return undefined;
  return onlyTarget(select);
}

/** The query of a sub-link. */
export function selectOf(node: Node | undefined): SelectStmt | undefined {
  return node && "SelectStmt" in node ? node.SelectStmt : undefined;
}

/** What a query of one column selects. */
export function onlyTarget({ targetList = [] }: SelectStmt): Node | undefined {
  const [target, another] = targetList;
  return target && !another && "ResTarget" in target ? target.ResTarget.val : undefined;
}

/** Whether a value is the id of the signed-in user, or null, and nothing else. */
export function isIdentity(value: Node): boolean {
  const node = withoutCasts(value);
  const selected = selectedValue(node);
  if (selected) return isIdentity(selected);
  if ("FuncCall" in node) {
    const call = readCall(node.FuncCall);
    if (call.schema === identitySchema && call.name === "uid") return call.args.length === 0;
    return isBuiltIn(call, "nullif") && call.args[0] !== undefined && isIdentity(call.args[0]);
  }
  if ("CoalesceExpr" in node) {
    const { args = [] } = node.CoalesceExpr;
    return args.length > 0 && args.every((arg) => isIdentity(arg) || isNull(arg));
  }
  if (!("A_Expr" in node)) return false;
  const { kind, name = [], lexpr, rexpr } = node.A_Expr;
  if (kind === "AEXPR_NULLIF") return lexpr !== undefined && isIdentity(lexpr);
  const operator = identifiers(name).at(-1);
  if (!lexpr || !isClaims(lexpr)) return false;
  if (operator === "->>") return constantText(rexpr) === "sub";
  const [key, another] = (operator === "#>>" && rexpr && pathOf(rexpr)) || [];
  return key === "sub" && another === undefined;
}

/** Whether a value is the object of the verified claims. */
export function isClaims(value: Node): boolean {
  const node = withoutCasts(value);
  const selected = selectedValue(node);
  if (selected) return isClaims(selected);
  if ("FuncCall" in node) {
    const call = readCall(node.FuncCall);
    if (call.schema === identitySchema && call.name === "jwt") return true;
    if (isBuiltIn(call, "current_setting")) return constantText(call.args[0]) === claimsSetting;
    return isBuiltIn(call, "nullif") && call.args[0] !== undefined && isClaims(call.args[0]);
  }
  if ("CoalesceExpr" in node) {
    const { args = [] } = node.CoalesceExpr;
    return args.length > 0 && args.every((arg) => isClaims(arg) || isEmptyObject(arg));
  }
  const { kind, lexpr } = "A_Expr" in node ? node.A_Expr : {};
  return kind === "AEXPR_NULLIF" && lexpr !== undefined && isClaims(lexpr);
}

/**
 * Where in the verified claims a value stands, as the path to it: "app_metadata.tenant_id".
 * @returns undefined for any other value, and for what users write themselves.
 */
export function claimPath(value: Node): string | undefined {
  const keys = claimKeys(value);
  if (!keys || keys.length === 0 || keys.some((key) => /^(raw_)?user_meta/.test(key)))
    return undefined;
  return keys.join(".");
}

function claimKeys(value: Node): string[] | undefined {
  const node = withoutCasts(value);
  if (isClaims(node)) return [];
  const selected = selectedValue(node);
  if (selected) return claimKeys(selected);
  if (!("A_Expr" in node)) return undefined;
  const { kind, name = [], lexpr, rexpr } = node.A_Expr;
  if (!lexpr) return undefined;
  if (kind === "AEXPR_NULLIF") return claimKeys(lexpr);
  const operator = identifiers(name).at(-1) ?? "";
  const before = claimKeys(lexpr);
  const isKey = operator === "->" || operator === "->>";
  const isPath = operator === "#>" || operator === "#>>";
  const key = isKey ? constantText(rexpr) : undefined;
  const path = isPath && rexpr ? pathOf(rexpr) : key === undefined ? undefined : [key];
  return before && path && [...before, ...path];
}

/** The keys of `'{a,b}'` or `array['a', 'b']`; undefined for a path that is not written out. */
function pathOf(node: Node): string[] | undefined {
  if ("TypeCast" in node && node.TypeCast.arg) return pathOf(node.TypeCast.arg);
  if ("A_ArrayExpr" in node) {
    const keys = (node.A_ArrayExpr.elements ?? []).map((element) => constantText(element));
    const known = keys.filter((key) => key !== undefined);
    return known.length === keys.length ? known : undefined;
  }
  // Quotes and blanks are not part of a key, so that one may look like another.
  return /^\{([\w-]+(,[\w-]+)*)\}$/.exec(constantText(node) ?? "")?.[1]?.split(",");
}

/** What in an expression a user may choose, as a clause; undefined where there is nothing. */
export function userChosen(tree: Node): string | undefined {
  const text = JSON.stringify(tree);
  if (text.includes("user_metadata") || text.includes("user_meta_data")) {
    return "it trusts user_metadata, which users write themselves";
  }
  for (const call of functionCalls(tree)) {
    if (call.name !== "current_setting") continue;
    const setting = constantText(call.args[0]);
    if (setting === claimsSetting) continue;
    return `it trusts the setting ${setting ?? "of a name that is computed"}, which any session can set`;
  }
  return undefined;
}

function isBuiltIn({ schema = "pg_catalog", name }: Call, wanted: string): boolean {
  return schema === "pg_catalog" && name === wanted;
}

function isNull(node: Node): boolean {
  return "A_Const" in node && node.A_Const.isnull === true;
}

function isEmptyObject(node: Node): boolean {
  return isNull(node) || constantText(node) === "{}";
}
