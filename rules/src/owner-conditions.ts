import type { A_Expr, Node, SelectStmt } from "libpg-query";
import { type Alternative, all, both, constantKey, hole, nothing } from "./conditions";
import { functionCalls, identifiers, readCall } from "./expressions";
import { bodyQuery, calledFunction, parameterNames } from "./function-bodies";
import { isIdentity, onlyTarget, selectOf, withoutCasts } from "./identity-expressions";
import { type Frame, type Side, type Source, parameter, resolve } from "./names-in-scope";
import { usersTable } from "./contract";
import type { Ownership } from "./ownership";
import { negatedCondition } from "./negated-conditions";
import type { DatabaseFunction, Schema } from "./schema";

/** The signed-in user, as a value. */
export const theUser = "@user";

const MAXIMUM_DEPTH = 12;
const aggregates =
  /^(count|min|max|sum|avg|array_agg|string_agg|jsonb?_agg|bool_or|bool_and|every)$/;

/** Reads off an expression in which ways it can be true. */
export class OwnerConditions {
  private sources = 0;
  /** What WITH names anywhere in the expression; a query inside of one may mean it. */
  private named: ReadonlySet<string> = new Set();

  constructor(
    private readonly schema: Schema,
    private readonly ownership: Ownership,
  ) {}

  /** The ways in which a condition is true; none when it never is. */
  public alternatives(node: Node, frame: Frame, depth = 0): Alternative[] {
    if (depth > MAXIMUM_DEPTH) return hole("it is nested too deep to be followed");
    if (depth === 0) this.named = namesOfWith(node);
    const follow = (inner: Node) => this.alternatives(inner, frame, depth + 1);
    if ("BoolExpr" in node) {
      const { boolop, args = [] } = node.BoolExpr;
      if (boolop === "AND_EXPR") return all(args.map(follow));
      if (boolop === "OR_EXPR") return args.flatMap(follow);
      return args.flatMap((arg) => {
        const positive = negatedCondition(arg);
        return positive ? follow(positive) : hole("it negates a condition");
      });
    }
    if ("A_Const" in node) {
      const { isnull, boolval, sval } = node.A_Const;
      const value = boolval ? boolval.boolval : /^(t|true|yes|on|1)$/i.test(sval?.sval ?? "");
      return isnull || !value ? [] : hole("it is true for every row");
    }
    if ("TypeCast" in node && node.TypeCast.arg) return follow(node.TypeCast.arg);
    if ("CoalesceExpr" in node) return (node.CoalesceExpr.args ?? []).flatMap(follow);
    if ("CaseExpr" in node) {
      const { args = [], defresult, arg } = node.CaseExpr;
      const otherwise = defresult ? follow(defresult) : [];
      const results = args.flatMap((when) => {
        const { expr, result } = "CaseWhen" in when ? when.CaseWhen : {};
        if (!result) return [];
        const condition = expr && !arg ? follow(expr) : [nothing];
        return both(condition, follow(result));
      });
      return [...results, ...otherwise];
    }
    if ("BooleanTest" in node && node.BooleanTest.arg) {
      const { arg, booltesttype } = node.BooleanTest;
      if (booltesttype === "IS_TRUE") return follow(arg);
      if (booltesttype === "IS_FALSE") {
        return follow({ BoolExpr: { boolop: "NOT_EXPR", args: [arg] } });
      }
      return hole("it passes where its condition is null");
    }
    if ("NullTest" in node && node.NullTest.arg) {
      const { arg, nulltesttype } = node.NullTest;
      if (nulltesttype === "IS_NULL") return hole("it passes where a value is null");
      return hole(
        isIdentity(arg)
          ? "it only asks whether anybody is signed in"
          : "it only asks whether a value is there",
      );
    }
    if ("SubLink" in node) return this.subLink(node, frame, depth);
    if ("FuncCall" in node) {
      const body = this.inlined(node, frame);
      if (body) return this.query(body.select, body.frame, depth, (target) => target);
      const { schema, name } = readCall(node.FuncCall);
      return hole(
        `what ${schema ? `${schema}.` : ""}${name}() lets through can not be read off it`,
      );
    }
    if ("A_Expr" in node) return this.operation(node.A_Expr, frame, depth);
    if ("ColumnRef" in node) {
      const resolved = resolve(node.ColumnRef, frame);
      if (resolved?.kind === "value") {
        return this.alternatives(resolved.side.node, resolved.side.frame, depth + 1);
      }
      return hole("it lets through rows by a flag, whoever owns them");
    }
    return hole("it holds an expression that is not understood");
  }

  /** What a query says of the rows that it reads; what it selects may be a condition, too. */
  public ofQuery(query: SelectStmt, frame: Frame): Alternative[] {
    return this.query(query, frame, 0, (target) =>
      target && "SubLink" in target ? target : undefined,
    );
  }

  /** What two values being equal says; each may be a sub-query or a function. */
  public equality(left: Side, right: Side, depth: number): Alternative[] {
    const a = this.value(left);
    const b = this.value(right);
    if (a !== undefined && b !== undefined) {
      if (a === b) return hole(a === theUser ? "it compares the user with itself" : sameValue(a));
      if (isConstant(a) && isConstant(b)) return a[0] === b[0] ? [] : hole("it compares constants");
      return [{ ...nothing, equalities: [{ left: a, right: b }] }];
    }
    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const query = this.queryOf(side);
      if (!query || depth > MAXIMUM_DEPTH) continue;
      return this.query(query.select, query.frame, depth, (target, frame) =>
        target ? this.equality({ node: target, frame }, other, depth + 1) : [nothing],
      );
    }
    const rows = [rowOf(left.node), rowOf(right.node)] as const;
    if (rows[0] && rows[1] && rows[0].length === rows[1].length) {
      const others = rows[1];
      return all(
        rows[0].flatMap((node, at) => {
          const other = others[at];
          return other
            ? [this.equality({ ...left, node }, { ...right, node: other }, depth + 1)]
            : [];
        }),
      );
    }
    return [nothing];
  }

  private operation({ kind, name = [], lexpr, rexpr }: A_Expr, frame: Frame, depth: number) {
    const parts = identifiers(name);
    const operator = parts.at(-1);
    if (!lexpr || !rexpr) return hole("it holds an operator of one side");
    const left = { node: lexpr, frame };
    const equals = (node: Node) => this.equality(left, { node, frame }, depth + 1);
    const foreign = foreignOperator(parts);
    if (foreign) return hole(foreign);
    if (kind === "AEXPR_OP" && operator === "=") {
      const truth = [lexpr, rexpr].map((node) => truthOf(node));
      if (truth[0] !== undefined || truth[1] !== undefined) {
        const condition = truth[0] === undefined ? lexpr : rexpr;
        const wanted = truth[0] ?? truth[1];
        if (wanted) return this.alternatives(condition, frame, depth + 1);
        const positive = negatedCondition(condition);
        return positive
          ? this.alternatives(positive, frame, depth + 1)
          : hole("it negates a condition");
      }
      return equals(rexpr);
    }
    if (kind === "AEXPR_NOT_DISTINCT") {
      if (this.isNeverNull(left) || this.isNeverNull({ node: rexpr, frame })) return equals(rexpr);
      return hole("with nobody signed in it passes rows whose owner is null");
    }
    const isAny = kind === "AEXPR_IN" || kind === "AEXPR_OP_ANY";
    if (isAny && operator === "=") {
      const items = listOf(rexpr);
      return items ? items.flatMap(equals) : [nothing];
    }
    return hole(`\`${operator ?? "?"}\` does not tie the row to its owner`);
  }

  private subLink(node: Node, frame: Frame, depth: number): Alternative[] {
    if (!("SubLink" in node)) return [nothing];
    const { subLinkType, testexpr, operName = [], subselect } = node.SubLink;
    const select = selectOf(subselect);
    if (!select) return [nothing];
    const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
    if (subLinkType === "EXISTS_SUBLINK") return this.query(select, inner, depth);
    if (subLinkType === "EXPR_SUBLINK") return this.query(select, inner, depth, (value) => value);
    const operator = identifiers(operName).join(".");
    if (subLinkType !== "ANY_SUBLINK" || !testexpr || (operator !== "" && operator !== "=")) {
      return hole("its sub-query does not ask for an equal value");
    }
    return this.query(select, inner, depth, (target, own) =>
      target
        ? this.equality({ node: testexpr, frame }, { node: target, frame: own }, depth + 1)
        : [nothing],
    );
  }

  /**
   * What a query that returns a row says.
   * @param judge says more of the value that it selects: a condition, or what it implies.
   */
  private query(
    select: SelectStmt,
    outer: Frame,
    depth: number,
    judge?: (target: Node | undefined, frame: Frame) => Node | Alternative[] | undefined,
  ): Alternative[] {
    const { larg, rarg, op, targetList = [], groupClause, fromClause = [] } = select;
    if (depth > MAXIMUM_DEPTH) return hole("it is nested too deep to be followed");
    if (larg && rarg) {
      const first = this.query(larg, outer, depth + 1, judge);
      return op === "SETOP_UNION"
        ? [...first, ...this.query(rarg, outer, depth + 1, judge)]
        : first;
    }
    const calls = functionCalls(targetList);
    const aggregated = !groupClause && calls.some(({ name }) => aggregates.test(name));
    const sources: Source[] = [];
    const conditions: Node[] = select.whereClause ? [select.whereClause] : [];
    const own: Frame = { ...outer, sources };
    const read: Alternative[][] = [];
    for (const item of fromClause) {
      this.addSources(item, sources, conditions, true, { select, frame: own, read, depth });
    }
    const named = sources.map((source) => ({ ...source, definer: own.definer }));
    let result = both([{ ...nothing, sources: named }], all(read));
    for (const condition of conditions) {
      result = both(result, this.alternatives(condition, own, depth + 1));
    }
    if (aggregated) {
      const [always] = hole("its sub-query aggregates, so it returns a row for every user");
      return [{ ...nothing, ...always, sources: named }];
    }
    if (!judge) return result;
    const judged = judge(onlyTarget(select), own);
    if (!judged) return result;
    return both(result, Array.isArray(judged) ? judged : this.alternatives(judged, own, depth + 1));
  }

  private addSources(
    item: Node,
    sources: Source[],
    conditions: Node[],
    certain: boolean,
    query: From,
  ): void {
    if ("JoinExpr" in item) {
      const { jointype, larg, rarg, quals, usingClause = [] } = item.JoinExpr;
      const inner = certain && jointype === "JOIN_INNER";
      if (larg) this.addSources(larg, sources, conditions, inner, query);
      const left = [...sources];
      if (rarg) this.addSources(rarg, sources, conditions, inner, query);
      // What an outer join demands, it does not demand of every row.
      if (inner && quals) conditions.push(quals);
      const [joined] = sources.slice(left.length);
      for (const column of inner && joined ? identifiers(usingClause) : []) {
        const other = left.find(({ table }) => table?.columns?.some(({ name }) => name === column));
        if (other && joined) conditions.push(sameColumn(other.alias, joined.alias, column));
      }
      return;
    }
    this.sources += 1;
    const id = this.sources;
    const inFrom = subQueryOf(item, query.select);
    if (inFrom || !("RangeVar" in item)) {
      const derived = inFrom && this.derived(inFrom, certain, query);
      sources.push({ id, alias: aliasOf(item), table: undefined, ...(derived && { derived }) });
      return;
    }
    const { schemaname, relname = "", alias } = item.RangeVar;
    const isView = (this.schema.views ?? []).some(
      ({ schema, name }) => name === relname && (schemaname ?? schema) === schema,
    );
    const table = this.ownership.named(relname, schemaname);
    const assumed = {
      schema: schemaname ?? "public",
      name: relname,
      kind: "table",
      rowSecurity: true,
      forced: true,
      assumed: true,
    } as const;
    const isNamed = schemaname === undefined && this.named.has(relname);
    const known = isView || isNamed ? undefined : (table ?? assumed);
    sources.push({ id, alias: alias?.aliasname ?? relname, table: known });
  }

  /** What the columns of a sub-query in FROM stand for; what it demands of a row is added. */
  private derived(
    select: SelectStmt,
    certain: boolean,
    { frame, read, depth }: From,
  ): Map<string, Side> | undefined {
    if (!certain || select.larg || select.groupClause || select.withClause) return undefined;
    // It sees what its query sees, but for its neighbours.
    const outer: Frame = { ...frame, sources: [], params: new Map(), outer: frame.outer };
    let columns: Map<string, Side> | undefined;
    const alternatives = this.query(select, outer, depth + 1, (_, own) => {
      columns = new Map(
        (select.targetList ?? []).flatMap((target): [string, Side][] => {
          const { name, val } = "ResTarget" in target ? target.ResTarget : {};
          const column = name ?? (val && "ColumnRef" in val ? lastField(val) : undefined);
          return val && column !== undefined ? [[column, { node: val, frame: own }]] : [];
        }),
      );
      return undefined;
    });
    read.push(alternatives);
    return columns;
  }

  /** A column, a constant or the user. */
  private value({ node: written, frame }: Side, depth = 0): string | undefined {
    const node = withoutCasts(written);
    if (depth > MAXIMUM_DEPTH) return undefined;
    if (isIdentity(node)) return theUser;
    const again = (side: Side | undefined) => side && this.value(side, depth + 1);
    if ("ColumnRef" in node) {
      const resolved = resolve(node.ColumnRef, frame);
      if (resolved?.kind === "value") return again(resolved.side);
      return resolved && `${resolved.source.id}.${resolved.column}`;
    }
    if ("ParamRef" in node) return again(parameter(`$${node.ParamRef.number ?? 0}`, frame));
    const query = this.queryOf({ node, frame });
    if (query && !query.select.fromClause && !query.select.larg) {
      const target = onlyTarget(query.select);
      return again(target && { node: target, frame: query.frame });
    }
    return constantKey(node);
  }

  /** The query that a value is: a sub-query of one value, or the body of a function. */
  private queryOf({ node: written, frame }: Side) {
    const node = withoutCasts(written);
    if ("FuncCall" in node) return this.inlined(node, frame);
    if (!("SubLink" in node) || node.SubLink.subLinkType !== "EXPR_SUBLINK") return undefined;
    const select = selectOf(node.SubLink.subselect);
    const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
    return select && { select, frame: inner };
  }

  private inlined(node: Node, frame: Frame) {
    if (!("FuncCall" in node)) return undefined;
    const call = readCall(node.FuncCall);
    const item = calledFunction(this.schema, call);
    const select = item && bodyQuery(item);
    if (!item || !select) return undefined;
    return { select, frame: frameOf(item, call.args, frame) };
  }

  private isNeverNull({ node: written, frame }: Side): boolean {
    const node = withoutCasts(written);
    if (!("ColumnRef" in node)) return false;
    const resolved = resolve(node.ColumnRef, frame);
    if (resolved?.kind !== "column") return false;
    const { table } = resolved.source;
    if (table?.name === usersTable && resolved.column === "id") return true;
    return (table?.columns ?? []).some(({ name, notNull }) => notNull && name === resolved.column);
  }
}

/** What is wrong with an operator that is not PostgreSQL's own. */
function foreignOperator(parts: readonly string[]): string | undefined {
  const [schema, name] = parts.length > 1 ? parts : ["pg_catalog", parts[0]];
  return schema === "pg_catalog"
    ? undefined
    : `the operator ${schema ?? ""}.${name ?? ""} is not PostgreSQL's own`;
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

function sameColumn(one: string, other: string, column: string): Node {
  const reference = (alias: string): Node => ({
    ColumnRef: { fields: [{ String: { sval: alias } }, { String: { sval: column } }] },
  });
  const name = [{ String: { sval: "=" } }];
  return { A_Expr: { kind: "AEXPR_OP", name, lexpr: reference(one), rexpr: reference(other) } };
}

function isConstant(value: string): boolean {
  return value.startsWith("'") || value.startsWith("#");
}

function sameValue(value: string): string {
  if (isConstant(value)) return "it compares a constant with itself";
  return `it compares ${value.slice(value.indexOf(".") + 1)} with itself, which every row passes`;
}

function truthOf(node: Node): boolean | undefined {
  return "A_Const" in node && node.A_Const.boolval
    ? (node.A_Const.boolval.boolval ?? false)
    : undefined;
}

function rowOf(node: Node): readonly Node[] | undefined {
  return "RowExpr" in node ? (node.RowExpr.args ?? []) : undefined;
}

function listOf(node: Node): readonly Node[] | undefined {
  if ("List" in node) return node.List.items ?? [];
  if ("TypeCast" in node && node.TypeCast.arg) return listOf(node.TypeCast.arg);
  return "A_ArrayExpr" in node ? (node.A_ArrayExpr.elements ?? []) : undefined;
}

/** A FROM clause while it is read. */
interface From {
  select: SelectStmt;
  frame: Frame;
  /** What its sub-queries demand. */
  read: Alternative[][];
  depth: number;
}

/** The sub-query that an item of FROM is, in place or by its name in WITH. */
function subQueryOf(item: Node, { withClause }: SelectStmt): SelectStmt | undefined {
  if ("RangeSubselect" in item) return selectOf(item.RangeSubselect.subquery);
  if (!("RangeVar" in item) || item.RangeVar.schemaname !== undefined) return undefined;
  for (const cte of withClause?.ctes ?? []) {
    if (!("CommonTableExpr" in cte) || withClause?.recursive) continue;
    const { ctename, ctequery } = cte.CommonTableExpr;
    if (ctename === item.RangeVar.relname) return selectOf(ctequery);
  }
  return undefined;
}

function namesOfWith(node: Node): ReadonlySet<string> {
  const found = JSON.stringify(node).matchAll(/"ctename":"((?:[^"\\\\]|\\\\.)*)"/g);
  return new Set([...found].map(([, name = ""]) => name));
}

function lastField(node: Node): string | undefined {
  return "ColumnRef" in node ? identifiers(node.ColumnRef.fields ?? []).at(-1) : undefined;
}

function aliasOf(item: Node): string {
  if ("RangeVar" in item) return item.RangeVar.alias?.aliasname ?? item.RangeVar.relname ?? "";
  if ("RangeSubselect" in item) return item.RangeSubselect.alias?.aliasname ?? "";
  return "RangeFunction" in item ? (item.RangeFunction.alias?.aliasname ?? "") : "";
}
