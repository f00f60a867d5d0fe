import type { A_Expr, Node } from "libpg-query";
import { isConstant } from "./condition-nodes";
import { type Alternative, constantKey, nothing } from "./conditions";
import { identityFunctions, usersTable } from "./contract";
import { type Call, identifiers, readCall } from "./expressions";
import { bodyQuery, calledFunction, parameterNames } from "./function-bodies";
import {
  claimPath,
  isClaims,
  isIdentity,
  onlyTarget,
  selectOf,
  selectedValue,
  withoutCasts,
} from "./identity-expressions";
import { quoteName } from "./names";
import { type Frame, type Side, type Source, parameter, resolve } from "./names-in-scope";
import type { DatabaseFunction, Schema } from "./schema";

/** The signed-in user, as a value. */
export const theUser = "@user";
/** What the verified claims say under a path, as a value. */
export const claimOf = "@claim:";

/** Values and functions are followed through each other this far. */
export const MAXIMUM_DEPTH = 12;

const lookups = /^(->>?|#>>?)$/;
const noFrame: Frame = { sources: [], params: new Map(), outer: undefined, definer: false };

/** What the values in a condition stand for. */
export class ConditionValues {
  constructor(private readonly schema: Schema) {}

  /** A column, a constant or the user. */
  public value({ node: written, frame }: Side, depth = 0): string | undefined {
    const node = withoutCasts(written);
    if (depth > MAXIMUM_DEPTH) return undefined;
    const claimed = "A_Expr" in node ? this.lookedUp(node) : node;
    if (isIdentity(claimed)) return theUser;
    const claim = claimPath(claimed);
    if (claim !== undefined) return `${claimOf}${claim}`;
    const again = (side: Side | undefined) => side && this.value(side, depth + 1);
    if ("ColumnRef" in node) {
      const resolved = resolve(node.ColumnRef, frame);
      if (resolved?.kind === "value") return again(resolved.side);
      return resolved && `${resolved.source.id}.${this.written(resolved.source, resolved.column)}`;
    }
    if ("CoalesceExpr" in node) {
      const sides = (node.CoalesceExpr.args ?? []).map((arg) => ({ node: arg, frame }));
      if (sides.length > 0 && sides.every((one) => again(one) === theUser)) return theUser;
      const [side] = sides;
      return side && this.isNeverNull(side) ? again(side) : undefined;
    }
    if ("ParamRef" in node) return again(parameter(`$${node.ParamRef.number ?? 0}`, frame));
    const query = this.queryOf({ node, frame });
    if (query && !query.select.fromClause && !query.select.larg) {
      const target = onlyTarget(query.select);
      return again(target && { node: target, frame: query.frame });
    }
    return constantKey(node);
  }

  /** The column in which the value of one is written: for a generated copy, what it is made of. */
  private written({ table }: Source, name: string): string {
    const { copyOf } = table?.columns?.find((column) => column.name === name) ?? {};
    if (!table || copyOf === undefined) return name;
    // A child may generate its own from something else.
    const isParent = this.schema.tables.some(({ parents = [] }) =>
      parents.some((parent) => quoteName(parent) === quoteName(table)),
    );
    return isParent ? name : copyOf;
  }

  /** The query that a value is: a sub-query of one value, or the body of a function. */
  public queryOf({ node: written, frame }: Side) {
    const node = withoutCasts(written);
    if ("FuncCall" in node) return this.inlined(node, frame);
    if (!("SubLink" in node) || node.SubLink.subLinkType !== "EXPR_SUBLINK") return undefined;
    const select = selectOf(node.SubLink.subselect);
    const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
    return select && { select, frame: inner };
  }

  /** The query that the called function's body is, and the names that it sees. */
  public inlined(node: Node, frame: Frame) {
    if (!("FuncCall" in node)) return undefined;
    const call = readCall(node.FuncCall);
    const item = calledFunction(this.schema, call, frame);
    const select = item && bodyQuery(item);
    if (!item || !select || this.isShadowed(item) || this.keepsUser(item, call)) return undefined;
    return { select, frame: frameOf(item, call.args, frame) };
  }

  /** Whether operators in a function's body may be others than PostgreSQL's own. */
  private isShadowed({ searchPath }: DatabaseFunction): boolean {
    const path = (searchPath ?? "").split(",").map((schema) => schema.trim().replaceAll('"', ""));
    const before = path.slice(0, Math.max(0, path.indexOf("pg_catalog")));
    return (this.schema.operators ?? []).some(({ schema }) => before.includes(schema));
  }

  /** Whether a plan may keep what a call said of the user who was signed in when it was made. */
  private keepsUser({ volatility, source }: DatabaseFunction, { args }: Call): boolean {
    if (volatility !== "immutable" || JSON.stringify(args).includes('"ColumnRef"')) return false;
    const named = (this.schema.functions ?? []).map(({ name }) => name);
    const words = new Set(source?.match(/\w+/g));
    return [...named, ...identityFunctions, "current_setting"].some((name) => words.has(name));
  }

  /** What is looked up in what a function without arguments returns, in the place of its call. */
  private lookedUp(node: Node, depth = 0): Node {
    if ("TypeCast" in node && node.TypeCast.arg) {
      return { TypeCast: { ...node.TypeCast, arg: this.lookedUp(node.TypeCast.arg, depth) } };
    }
    const selected = selectedValue(node);
    if (selected) return this.lookedUp(selected, depth);
    if ("A_Expr" in node && node.A_Expr.lexpr && lookups.test(operatorOf(node.A_Expr))) {
      return { A_Expr: { ...node.A_Expr, lexpr: this.lookedUp(node.A_Expr.lexpr, depth) } };
    }
    if (!("FuncCall" in node) || node.FuncCall.args || isClaims(node)) return node;
    const body = depth < MAXIMUM_DEPTH ? this.inlined(node, noFrame)?.select : undefined;
    const target = body && !body.fromClause && !body.larg ? onlyTarget(body) : undefined;
    return target ? this.lookedUp(target, depth + 1) : node;
  }

  /** The ways in which a value is null. */
  public whereNull(side: Side): Alternative[] {
    const value = this.value(side);
    if (value === undefined) return [nothing];
    if (isConstant(value) || this.isNeverNull(side)) return [];
    return [{ ...nothing, nulls: [value] }];
  }

  private isNeverNull({ node: written, frame }: Side): boolean {
    const node = withoutCasts(written);
    if (!("ColumnRef" in node)) return false;
    const resolved = resolve(node.ColumnRef, frame);
    if (resolved?.kind === "value") return this.isNeverNull(resolved.side);
    if (resolved?.kind !== "column" || resolved.source.optional) return false;
    const { table } = resolved.source;
    if (table?.name === usersTable && resolved.column === "id") return true;
    return (table?.columns ?? []).some(({ name, notNull }) => notNull && name === resolved.column);
  }
}

function frameOf(item: DatabaseFunction, args: readonly Node[], caller: Frame): Frame {
  const params = new Map<string, Side>();
  for (const [at, name] of parameterNames(item).entries()) {
    const arg = args[at];
    if (!arg) continue;
    const node = "NamedArgExpr" in arg ? (arg.NamedArgExpr.arg ?? arg) : arg;
    const key = "NamedArgExpr" in arg ? arg.NamedArgExpr.name : name;
    params.set(`$${at + 1}`, { node, frame: caller });
    if (key !== undefined) params.set(key, { node, frame: caller });
  }
  const definer = caller.definer || item.securityDefiner;
  return { sources: [], params, outer: undefined, definer };
}

function operatorOf({ name = [] }: A_Expr): string {
  return identifiers(name).at(-1) ?? "";
}
