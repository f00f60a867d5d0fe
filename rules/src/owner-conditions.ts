import type { A_Expr, BoolTestType, CaseExpr, Node, SelectStmt } from "libpg-query";
import {
  type Alternative,
  type Outcome,
  all,
  both,
  constantKey,
  either,
  hole,
  nothing,
} from "./conditions";
import { functionCalls, identifiers, readCall } from "./expressions";
import { bodyQuery, calledFunction, parameterNames } from "./function-bodies";
import { claimPath, isIdentity, onlyTarget, selectOf, withoutCasts } from "./identity-expressions";
import { type Frame, type Side, type Source, parameter, resolve } from "./names-in-scope";
import { usersTable } from "./contract";
import type { Ownership } from "./ownership";
import type { DatabaseFunction, Schema } from "./schema";

/** The signed-in user, as a value. */
export const theUser = "@user";
/** What the verified claims say under a path, as a value. */
export const claimOf = "@claim:";

const outcomes: readonly Outcome[] = ["true", "false", "null"];
const opposite = { true: "false", false: "true", null: "null" } as const;
/** Of which outcomes of its condition a test like `is not false` is true. */
const acceptedBy: Readonly<Record<BoolTestType, readonly Outcome[]>> = {
  IS_TRUE: ["true"],
  IS_NOT_TRUE: ["false", "null"],
  IS_FALSE: ["false"],
  IS_NOT_FALSE: ["true", "null"],
  IS_UNKNOWN: ["null"],
  IS_NOT_UNKNOWN: ["true", "false"],
};

type Follow = (node: Node, outcome?: Outcome) => Alternative[];

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
  public alternatives(node: Node, frame: Frame): Alternative[] {
    this.named = namesOfWith(node);
    return this.ways(node, frame, 0, "true");
  }

  /** The ways in which a condition comes to an outcome; more than there are, where that is simpler. */
  private ways(node: Node, frame: Frame, depth: number, outcome: Outcome): Alternative[] {
    if (depth > MAXIMUM_DEPTH) return hole("it is nested too deep to be followed");
    const follow = (inner: Node, wanted = outcome) => this.ways(inner, frame, depth + 1, wanted);
    if ("BoolExpr" in node) {
      const { boolop, args = [] } = node.BoolExpr;
      if (boolop === "NOT_EXPR") return args.flatMap((arg) => follow(arg, opposite[outcome]));
      const joined = boolop === "AND_EXPR" ? "true" : "false";
      const ways = args.map((arg) => follow(arg));
      return outcome === joined ? all(ways) : ways.flat();
    }
    if ("A_Const" in node) {
      const { isnull, boolval, sval } = node.A_Const;
      const value = boolval ? boolval.boolval : /^(t|true|yes|on|1)$/i.test(sval?.sval ?? "");
      const found = isnull ? "null" : value ? "true" : "false";
      return found === outcome ? hole("it is true for every row") : [];
    }
    if ("TypeCast" in node && node.TypeCast.arg) return follow(node.TypeCast.arg);
    if ("CoalesceExpr" in node) return this.coalesce(node.CoalesceExpr.args ?? [], outcome, follow);
    if ("CaseExpr" in node) return this.cases(node.CaseExpr, frame, depth, outcome);
    if ("BooleanTest" in node && node.BooleanTest.arg) {
      const { arg, booltesttype = "IS_TRUE" } = node.BooleanTest;
      const accepted = acceptedBy[booltesttype];
      if (outcome === "null") return [];
      return outcomes
        .filter((one) => accepted.includes(one) === (outcome === "true"))
        .flatMap((one) =>
          one === "null"
            ? both(hole("it passes where its condition is null"), follow(arg, one))
            : follow(arg, one),
        );
    }
    if ("NullTest" in node && node.NullTest.arg) {
      const { arg, nulltesttype } = node.NullTest;
      if (outcome === "null") return [];
      const side = { node: arg, frame };
      if ((nulltesttype === "IS_NULL") === (outcome === "true")) {
        return both(hole("it passes where a value is null"), this.whereNull(side));
      }
      const value = this.value(side);
      const reason = isIdentity(arg)
        ? "it only asks whether anybody is signed in"
        : "it only asks whether a value is there";
      return both(hole(reason), [{ ...nothing, present: value === undefined ? [] : [value] }]);
    }
    if ("SubLink" in node) return this.subLink(node, frame, depth, outcome);
    if ("FuncCall" in node) {
      const body = this.inlined(node, frame);
      if (body) return this.selected(body.select, body.frame, depth, outcome);
      const { schema, name } = readCall(node.FuncCall);
      return hole(
        `what ${schema ? `${schema}.` : ""}${name}() lets through can not be read off it`,
      );
    }
    if ("A_Expr" in node) return this.operation(node.A_Expr, frame, depth, outcome);
    if ("ColumnRef" in node) {
      const resolved = resolve(node.ColumnRef, frame);
      if (resolved?.kind === "value") {
        return this.ways(resolved.side.node, resolved.side.frame, depth + 1, outcome);
      }
      return hole("it lets through rows by a flag, whoever owns them");
    }
    return hole("it holds an expression that is not understood");
  }

  /** The first argument that is not null decides. */
  private coalesce(args: readonly Node[], outcome: Outcome, follow: Follow): Alternative[] {
    let before: Alternative[] = [nothing];
    const found: Alternative[] = [];
    for (const arg of args) {
      if (outcome !== "null") found.push(...both(before, follow(arg, outcome)));
      before = both(before, follow(arg, "null"));
    }
    return outcome === "null" ? before : found;
  }

  /** A branch is taken where those before it are not. */
  private cases(
    { arg: compared, args = [], defresult }: CaseExpr,
    frame: Frame,
    depth: number,
    outcome: Outcome,
  ): Alternative[] {
    let before: Alternative[] = [nothing];
    const found: Alternative[] = [];
    for (const when of args) {
      const { expr, result } = "CaseWhen" in when ? when.CaseWhen : {};
      if (!expr || !result) continue;
      const condition = compared ? equals(compared, expr) : expr;
      const ways = (wanted: Outcome) => this.ways(condition, frame, depth + 1, wanted);
      const taken = both(before, ways("true"));
      found.push(...both(taken, this.ways(result, frame, depth + 1, outcome)));
      before = both(before, either(ways("false"), ways("null")));
    }
    if (defresult) found.push(...both(before, this.ways(defresult, frame, depth + 1, outcome)));
    else if (outcome === "null") found.push(...before);
    return found;
  }

  /** What a query says of the rows that it reads; what it selects may be a condition, too. */
  public ofQuery(query: SelectStmt, frame: Frame): Alternative[] {
    // An aggregate has a row for everybody, but only of the rows that its conditions leave.
    const plain = { ...query, targetList: query.targetList?.filter((node) => !isAggregate(node)) };
    return this.query(plain, frame, 0, (target) =>
      target && ("SubLink" in target || "CaseExpr" in target) ? target : undefined,
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
    const rows = [partsOf(left.node), partsOf(right.node)] as const;
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

  private operation(
    { kind, name = [], lexpr, rexpr }: A_Expr,
    frame: Frame,
    depth: number,
    outcome: Outcome,
  ): Alternative[] {
    const parts = identifiers(name);
    const operator = parts.at(-1);
    if (!lexpr || !rexpr) return hole("it holds an operator of one side");
    const left = { node: lexpr, frame };
    const right = { node: rexpr, frame };
    const equal = (node: Node) => this.equality(left, { node, frame }, depth + 1);
    const follow = (node: Node, wanted: Outcome) => this.ways(node, frame, depth + 1, wanted);
    const untied = () => hole(`\`${operator ?? "?"}\` does not tie the row to its owner`);
    const foreign = foreignOperator(parts);
    if (foreign) return hole(foreign);
    if (kind === "AEXPR_NULLIF") return outcome === "null" ? untied() : follow(lexpr, outcome);
    const isEqual = operator === "=";
    if (kind === "AEXPR_OP" && (isEqual || operator === "<>")) {
      const same = isEqual ? "true" : "false";
      if (areConditions(lexpr, rexpr)) {
        if (outcome === "null") return [...follow(lexpr, "null"), ...follow(rexpr, "null")];
        return (["true", "false"] as const).flatMap((one) =>
          both(follow(lexpr, one), follow(rexpr, outcome === same ? one : opposite[one])),
        );
      }
      if (outcome === "null") return [...this.whereNull(left), ...this.whereNull(right)];
      return outcome === same ? equal(rexpr) : untied();
    }
    if (kind === "AEXPR_NOT_DISTINCT" || kind === "AEXPR_DISTINCT") {
      if (outcome === "null") return [];
      if ((kind === "AEXPR_NOT_DISTINCT") !== (outcome === "true")) return untied();
      const reason = "with nobody signed in it passes rows whose owner is null";
      const bothNull = both(this.whereNull(left), this.whereNull(right));
      return [...equal(rexpr), ...both(hole(reason), bothNull)];
    }
    if (kind === "AEXPR_OP" && outcome === "true" && /^(<@|@>|&&)$/.test(operator ?? "")) {
      const [within, of] = operator === "@>" ? [rexpr, lexpr] : [lexpr, rexpr];
      const [items, others] = [arrayOf(within), arrayOf(of)];
      if (!items || items.length === 0 || !others) return untied();
      const ways = items.map((node) =>
        others.flatMap((other) =>
          this.equality({ node, frame }, { node: other, frame }, depth + 1),
        ),
      );
      return operator === "&&" ? ways.flat() : all(ways);
    }
    const counted = outcome === "true" ? countedQuery(operator, lexpr, rexpr) : undefined;
    if (counted) {
      const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
      return this.query(counted, inner, depth);
    }
    const isAny = kind === "AEXPR_IN" || kind === "AEXPR_OP_ANY";
    const positive = kind === "AEXPR_IN" && operator === "<>" ? "false" : "true";
    if (isAny && (isEqual || positive === "false")) {
      const items = listOf(rexpr);
      if (outcome === "null") {
        return items
          ? [left, ...items.map((node) => ({ node, frame }))].flatMap((s) => this.whereNull(s))
          : untied();
      }
      if (outcome !== positive) return untied();
      const query = arrayQuery(rexpr);
      if (query) return this.anyOf(lexpr, query, frame, depth);
      if (items) return items.flatMap(equal);
      // Whose row it is may stand in an array; two columns of one are not equal by it.
      return this.value(left) === theUser ? equal(rexpr) : [nothing];
    }
    if (kind === "AEXPR_OP_ALL" && isEqual && outcome === "true") {
      const items = listOf(rexpr) ?? [];
      if (items.length > 0) return all(items.map(equal));
    }
    return untied();
  }

  private subLink(node: Node, frame: Frame, depth: number, outcome: Outcome): Alternative[] {
    if (!("SubLink" in node)) return [nothing];
    const { subLinkType, testexpr, operName = [], subselect } = node.SubLink;
    const select = selectOf(subselect);
    if (!select) return [nothing];
    const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
    if (subLinkType === "EXPR_SUBLINK") return this.selected(select, inner, depth, outcome);
    if (subLinkType === "EXISTS_SUBLINK" && outcome === "null") return [];
    if (outcome !== "true") return hole("it passes where its sub-query finds nothing");
    if (subLinkType === "EXISTS_SUBLINK") return this.query(select, inner, depth);
    const operator = identifiers(operName).join(".");
    if (subLinkType !== "ANY_SUBLINK" || !testexpr || (operator !== "" && operator !== "=")) {
      return hole("its sub-query does not ask for an equal value");
    }
    return this.anyOf(testexpr, select, frame, depth);
  }

  /** What a value being among those that a query selects says. */
  private anyOf(value: Node, select: SelectStmt, frame: Frame, depth: number): Alternative[] {
    const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
    const values = partsOf(value) ?? [value];
    return this.query(select, inner, depth, (_, own) => {
      const targets = targetsOf(select);
      if (targets?.length !== values.length) return [nothing];
      return all(
        targets.map((node, at) =>
          this.equality({ node: values[at] ?? node, frame }, { node, frame: own }, depth + 1),
        ),
      );
    });
  }

  /** The ways in which the one value that a query selects is a condition of this outcome. */
  private selected(
    select: SelectStmt,
    frame: Frame,
    depth: number,
    outcome: Outcome,
  ): Alternative[] {
    const target = onlyTarget(select);
    if (outcome === "true" || !target) return this.query(select, frame, depth, (value) => value);
    const { fromClause, whereClause, larg } = select;
    if (fromClause ?? whereClause ?? larg) return hole("it passes where its sub-query is not true");
    return this.ways(target, frame, depth + 1, outcome);
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
      result = both(result, this.ways(condition, own, depth + 1, "true"));
    }
    if (aggregated) {
      const [always] = hole("its sub-query aggregates, so it returns a row for every user");
      return [{ ...nothing, ...always, sources: named }];
    }
    if (!judge) return result;
    const judged = judge(onlyTarget(select), own);
    if (!judged) return result;
    return both(result, Array.isArray(judged) ? judged : this.ways(judged, own, depth + 1, "true"));
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
      sources.push({
        id,
        alias: aliasOf(item),
        table: undefined,
        optional: !certain,
        ...(derived && { derived }),
      });
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
    sources.push({ id, alias: alias?.aliasname ?? relname, table: known, optional: !certain });
  }

  /** What the columns of a sub-query in FROM stand for; what it demands of a row is added. */
  private derived(
    select: SelectStmt,
    certain: boolean,
    { frame, read, depth }: From,
  ): Map<string, Side> | undefined {
    if (!certain || select.larg || select.groupClause || select.withClause) return undefined;
    // It sees what its query sees, but for its neighbours.
    const outer: Frame = { ...frame, sources: [], outer: frame.outer };
    let columns: Map<string, Side> | undefined;
    const alternatives = this.query(select, outer, depth + 1, (_, own) => {
      columns = new Map(
        (select.targetList ?? []).flatMap((target): [string, Side][] => {
          const { name, val } = "ResTarget" in target ? target.ResTarget : {};
          if (val && isStar(val)) return allColumns(own);
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
    const claim = claimPath(node);
    if (claim !== undefined) return `${claimOf}${claim}`;
    const again = (side: Side | undefined) => side && this.value(side, depth + 1);
    if ("ColumnRef" in node) {
      const resolved = resolve(node.ColumnRef, frame);
      if (resolved?.kind === "value") return again(resolved.side);
      return resolved && `${resolved.source.id}.${resolved.column}`;
    }
    if ("CoalesceExpr" in node) {
      const [first] = node.CoalesceExpr.args ?? [];
      const side = first && { node: first, frame };
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

  /** The ways in which a value is null. */
  private whereNull(side: Side): Alternative[] {
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

/** Whether what is selected is an aggregate of plain values. */
function isAggregate(node: Node): boolean {
  if (JSON.stringify(node).includes('"SubLink"')) return false;
  return functionCalls(node).some(({ name }) => aggregates.test(name));
}

function equals(lexpr: Node, rexpr: Node): Node {
  return { A_Expr: { kind: "AEXPR_OP", name: [{ String: { sval: "=" } }], lexpr, rexpr } };
}

/** Whether an `=` compares what is true or false, and not values. */
function areConditions(one: Node, other: Node): boolean {
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
function arrayQuery(node: Node): SelectStmt | undefined {
  if ("TypeCast" in node && node.TypeCast.arg) return arrayQuery(node.TypeCast.arg);
  const isArray = "SubLink" in node && node.SubLink.subLinkType === "ARRAY_SUBLINK";
  return isArray ? selectOf(node.SubLink.subselect) : undefined;
}

function sameColumn(one: string, other: string, column: string): Node {
  const reference = (alias: string): Node => ({
    ColumnRef: { fields: [{ String: { sval: alias } }, { String: { sval: column } }] },
  });
  return equals(reference(one), reference(other));
}

function isConstant(value: string): boolean {
  return value.startsWith("'") || value.startsWith("#");
}

function sameValue(value: string): string {
  if (isConstant(value)) return "it compares a constant with itself";
  return `it compares ${value.slice(value.indexOf(".") + 1)} with itself, which every row passes`;
}

/** What a row or an array is made of. */
function partsOf(node: Node): readonly Node[] | undefined {
  return "RowExpr" in node ? (node.RowExpr.args ?? []) : arrayOf(node);
}

function arrayOf(node: Node): readonly Node[] | undefined {
  return "A_ArrayExpr" in node ? listOf(node) : undefined;
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

function isStar(node: Node): boolean {
  const [only, another] = "ColumnRef" in node ? (node.ColumnRef.fields ?? []) : [];
  return only !== undefined && "A_Star" in only && !another;
}

/** What `*` stands for: every column that is known. */
function allColumns(frame: Frame): [string, Side][] {
  return frame.sources.flatMap(({ alias, table, derived }) =>
    (derived ? [...derived.keys()] : (table?.columns ?? []).map(({ name }) => name)).map(
      (name): [string, Side] => [
        name,
        { node: { ColumnRef: { fields: [alias, name].map(identifier) } }, frame },
      ],
    ),
  );
}

function identifier(sval: string): Node {
  return { String: { sval } };
}

/** What a query selects; undefined where it is not all values. */
function targetsOf({ targetList = [] }: SelectStmt): Node[] | undefined {
  const values = targetList.flatMap((target) =>
    "ResTarget" in target && target.ResTarget.val ? [target.ResTarget.val] : [],
  );
  return values.length === targetList.length ? values : undefined;
}

/** The query of `(select count(*) …) > 0`, which asks whether it has a row. */
function countedQuery(operator: string | undefined, lexpr: Node, rexpr: Node) {
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

function lastField(node: Node): string | undefined {
  return "ColumnRef" in node ? identifiers(node.ColumnRef.fields ?? []).at(-1) : undefined;
}

function aliasOf(item: Node): string {
  if ("RangeVar" in item) return item.RangeVar.alias?.aliasname ?? item.RangeVar.relname ?? "";
  if ("RangeSubselect" in item) return item.RangeSubselect.alias?.aliasname ?? "";
  return "RangeFunction" in item ? (item.RangeFunction.alias?.aliasname ?? "") : "";
}
