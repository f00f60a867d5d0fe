import type { Node } from "libpg-query";
import { type Contract, isIdentityFunction } from "../model/contract";
import { perTable } from "../model/per-table";
import type { Table } from "../model/schema";
import {
  type Call,
  constantText,
  functionCalls,
  identifiers,
  nodesIn,
  parseExpression,
  policyTrees,
} from "../sql/expressions";
import {
  columnOf,
  equalSides,
  faithfulTypes,
  fieldsOf,
  plainType,
  selectedValue,
  withoutCasts,
} from "./syntax";

/**
 * A value written in one way, so that two texts of the same value are equal: without faithful casts,
 * `(select …)` around it, and the argument of `current_setting` that says what a missing setting does.
 * @returns undefined for what is not known to have one value in a query.
 */
export function spell(node: Node | undefined): string | undefined {
  if (!node) return undefined;
  if ("A_Const" in node) return JSON.stringify({ ...node.A_Const, location: undefined });
  if ("ColumnRef" in node) return JSON.stringify(columnOf(node));
  const cast = fieldsOf(node, "TypeCast");
  if (cast) {
    const [type, value] = [plainType(cast.typeName), spell(cast.arg)];
    if (type === undefined || value === undefined) return undefined;
    return faithfulTypes.includes(type) ? value : `${value}::${type}`;
  }
  const call = fieldsOf(node, "FuncCall");
  if (call) {
    const name = identifiers(call.funcname ?? []).join(".");
    const args = (call.args ?? []).map(spell);
    const needed = name === "current_setting" ? args.slice(0, 1) : args;
    return needed.includes(undefined) ? undefined : `${name}(${needed.join(",")})`;
  }
  const operation = fieldsOf(node, "A_Expr");
  if (operation) {
    const { kind, name = [], lexpr, rexpr } = operation;
    if (kind === "AEXPR_NULLIF") return constantText(rexpr) === "" ? spell(lexpr) : undefined;
    const [left, right] = [spell(lexpr), spell(rexpr)];
    if (kind !== "AEXPR_OP" || left === undefined || right === undefined) return undefined;
    return `(${left} ${identifiers(name).join(".")} ${right})`;
  }
  return spell(selectedValue(node));
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

/** The columns that policies of a table compare with the signed-in user. */
export const comparedColumns = perTable(findComparedColumns);

function findComparedColumns(table: Table, contract: Contract): string[] {
  const found = (table.policies ?? [])
    .flatMap((policy) => nodesIn(policyTrees(policy), "A_Expr"))
    .map((node) => equalSides(node) ?? [])
    .filter((sides) => sides.some((side) => isIdentity(side, contract)))
    .flatMap((sides) => sides.map((side) => columnOf(withoutCasts(side))?.column));
  return (table.columns ?? []).map(({ name }) => name).filter((name) => found.includes(name));
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
  const { boolop, args: [negated] = [] } = fieldsOf(node, "BoolExpr") ?? {};
  if (boolop === "NOT_EXPR" && negated) {
    const truth = constantTruth(negated);
    return typeof truth === "boolean" ? !truth : truth;
  }
  const { arg, typeName } = fieldsOf(node, "TypeCast") ?? {};
  if (arg) return plainType(typeName) === "bool" ? constantTruth(arg) : undefined;
  const [one, other] = (equalSides(node) ?? []).map((side) =>
    "A_Const" in side ? side.A_Const.ival : undefined,
  );
  return one && other && (one.ival ?? 0) === (other.ival ?? 0);
}

/** Whether a value is read from the verified claims of the request, and not from the row. */
export function isOfRequest(tree: Node, contract: Contract): boolean {
  return nodesIn(tree, "ColumnRef").length === 0 && readsClaims(functionCalls(tree), contract);
}

/** The settings that calls read; "of a computed name" for one that is not known. */
export function settingsRead(calls: readonly Call[]): string[] {
  return calls
    .filter(
      ({ schema = "pg_catalog", name }) => `${schema}.${name}` === "pg_catalog.current_setting",
    )
    .map(({ args }) => constantText(args[0]) ?? "of a computed name");
}

function readsClaims(calls: readonly Call[], contract: Contract): boolean {
  return (
    calls.some((call) => isIdentityFunction(call, contract)) ||
    settingsRead(calls).includes(contract.claims.setting)
  );
}

/** That a setting is read which any session can set, as a clause. */
export function untrustedSetting(calls: readonly Call[], contract: Contract): string | undefined {
  const trusted = [contract.claims.setting, ...contract.trustedSettings];
  const setting = settingsRead(calls).find((name) => !trusted.includes(name));
  return setting && `trusts the setting ${setting}, which any session can set`;
}

/** What in a value whoever makes a request can choose, or is the same for all of them; as a clause. */
export function chosenByUser(tree: Node, contract: Contract): string | undefined {
  const calls = functionCalls(tree);
  const setting = untrustedSetting(calls, contract);
  if (setting !== undefined) return `it ${setting}`;
  const claim = readsClaims(calls, contract)
    ? claimKeys(tree).find((key) => contract.userWrittenClaims.includes(key))
    : undefined;
  if (claim !== undefined) return `it trusts the claim ${claim}, which users choose themselves`;
  const asked = nodesIn(tree, "SQLValueFunction").map((node) => node.SQLValueFunction.op ?? "");
  return asked.some((op) => /_(USER|ROLE)$/.test(op))
    ? "it tests the database role, which is the same for all signed-in users"
    : undefined;
}

/** Whether a condition asks neither who makes the request nor any table, and calls PostgreSQL's own functions alone. */
export function asksNothing(tree: Node): boolean {
  return (
    ["SubLink", "SQLValueFunction", "ParamRef"].every((kind) => nodesIn(tree, kind).length === 0) &&
    functionCalls(tree).every(
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
