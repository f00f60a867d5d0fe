import type { A_Expr, BoolTestType, CaseExpr, Node, SelectStmt } from "libpg-query";
import {
  aggregates,
  areConditions,
  arrayOf,
  arrayQuery,
  countedQuery,
  equals,
  foreignOperator,
  isAggregate,
  isConstant,
  isNull,
  listOf,
  partsOf,
  readCondition,
  sameValue,
} from "./condition-nodes";
import { ConditionValues, MAXIMUM_DEPTH, theUser } from "./condition-values";
import { type Alternative, type Outcome, all, both, either, hole, nothing } from "./conditions";
import { functionCalls, identifiers, readCall } from "./expressions";
import {
  type From,
  aliasOf,
  allColumns,
  isStar,
  lastField,
  namesOfWith,
  sameColumn,
  subQueryOf,
  targetsOf,
} from "./from-clause";
import { isIdentity, onlyTarget, selectOf } from "./identity-expressions";
import { type Frame, type Side, type Source, resolve } from "./names-in-scope";
import type { Ownership } from "./ownership";
import type { Schema } from "./schema";
import { testedColumns } from "./tested-columns";

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

type Judge = (target: Node | undefined, frame: Frame) => Node | Alternative[] | undefined;
type Follow = (node: Node, outcome?: Outcome) => Alternative[];

/** Reads off an expression in which ways it can be true. */
export class OwnerConditions {
  private readonly values: ConditionValues;
  private sources = 0;
  /** The queries that are being followed, from the outermost on. */
  private readonly followed: SelectStmt[] = [];
  /** What WITH names anywhere in the expression; a query inside of one may mean it. */
  private named: ReadonlySet<string> = new Set();

  constructor(
    private readonly schema: Schema,
    private readonly ownership: Ownership,
  ) {
    this.values = new ConditionValues(schema);
  }

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
        return both(hole("it passes where a value is null"), this.values.whereNull(side));
      }
      const value = this.values.value(side);
      const reason = isIdentity(arg)
        ? "it only asks whether anybody is signed in"
        : "it only asks whether a value is there";
      return both(hole(reason), [{ ...nothing, present: value === undefined ? [] : [value] }]);
    }
    if ("SubLink" in node) return this.subLink(node, frame, depth, outcome);
    if ("FuncCall" in node) {
      const body = this.values.inlined(node, frame);
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
      const flagged = hole("it lets through rows by a flag, whoever owns them");
      if (!resolved || outcome === "null") return flagged;
      const left = `${resolved.source.id}.${resolved.column}`;
      return both(flagged, [{ ...nothing, equalities: [{ left, right: `#${outcome}` }] }]);
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

  private cases(
    expression: CaseExpr,
    frame: Frame,
    depth: number,
    outcome: Outcome,
  ): Alternative[] {
    return this.branches(expression, frame, depth).flatMap(({ taken, result }) => {
      if (result) return both(taken, this.ways(result, frame, depth + 1, outcome));
      return outcome === "null" ? taken : [];
    });
  }

  /** A branch is taken where those before it are not; without a result it is null. */
  private branches({ arg: compared, args = [], defresult }: CaseExpr, frame: Frame, depth: number) {
    let before: Alternative[] = [nothing];
    const found: { taken: Alternative[]; result: Node | undefined }[] = [];
    for (const when of args) {
      const { expr, result } = "CaseWhen" in when ? when.CaseWhen : {};
      if (!expr || !result) continue;
      const condition = compared ? equals(compared, expr) : expr;
      const ways = (wanted: Outcome) => this.ways(condition, frame, depth + 1, wanted);
      found.push({ taken: both(before, ways("true")), result });
      before = both(before, either(ways("false"), ways("null")));
    }
    return [...found, { taken: before, result: defresult }];
  }

  /** What a query says of the rows that it reads; what it selects may be a condition, too. */
  public ofQuery(query: SelectStmt, frame: Frame): Alternative[] {
    // An aggregate has a row for everybody, but only of the rows that its conditions leave.
    const plain = { ...query, targetList: query.targetList?.filter((node) => !isAggregate(node)) };
    return this.query(plain, frame, 0, (target) => target && readCondition(target));
  }

  /** What it says that a condition was not true. */
  public refused(node: Node, frame: Frame): Alternative[] {
    const { boolop, args = [] } = "BoolExpr" in node ? node.BoolExpr : {};
    if (boolop === "OR_EXPR") return all(args.map((arg) => this.refused(arg, frame)));
    return either(this.ways(node, frame, 0, "false"), this.ways(node, frame, 0, "null"));
  }

  /** A column, a constant or the user. */
  public valueOf(side: Side): string | undefined {
    return this.values.value(side);
  }

  /** What two values being equal says; each may be a sub-query or a function. */
  public equality(left: Side, right: Side, depth: number): Alternative[] {
    if (isNull(left.node) || isNull(right.node)) return [];
    const a = this.values.value(left);
    const b = this.values.value(right);
    if (a !== undefined && b !== undefined) {
      if (a === b) return hole(a === theUser ? "it compares the user with itself" : sameValue(a));
      if (isConstant(a) && isConstant(b)) return a[0] === b[0] ? [] : hole("it compares constants");
      return [{ ...nothing, equalities: [{ left: a, right: b }] }];
    }
    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const) {
      if (depth > MAXIMUM_DEPTH || this.values.value(side) !== undefined) continue;
      const { node, frame } = side;
      if ("CaseExpr" in node) {
        return this.branches(node.CaseExpr, frame, depth).flatMap(({ taken, result }) =>
          result ? both(taken, this.equality({ node: result, frame }, other, depth + 1)) : [],
        );
      }
      const query = this.values.queryOf(side);
      if (!query) continue;
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
      if (outcome === "null")
        return [...this.values.whereNull(left), ...this.values.whereNull(right)];
      return outcome === same ? equal(rexpr) : untied();
    }
    if (kind === "AEXPR_NOT_DISTINCT" || kind === "AEXPR_DISTINCT") {
      if (outcome === "null") return [];
      if ((kind === "AEXPR_NOT_DISTINCT") !== (outcome === "true")) return untied();
      const reason = "with nobody signed in it passes rows whose owner is null";
      const bothNull = both(this.values.whereNull(left), this.values.whereNull(right));
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
          ? [left, ...items.map((node) => ({ node, frame }))].flatMap((s) =>
              this.values.whereNull(s),
            )
          : untied();
      }
      if (outcome !== positive) return untied();
      const query = arrayQuery(rexpr);
      if (query) return this.anyOf(lexpr, query, frame, depth);
      if (items) return items.flatMap(equal);
      // Whose row it is may stand in an array; two columns of one are not equal by it.
      return this.values.value(left) === theUser ? equal(rexpr) : [nothing];
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
  private query(select: SelectStmt, outer: Frame, depth: number, judge?: Judge): Alternative[] {
    this.followed.push(select);
    try {
      return this.rowsOf(select, outer, depth, judge);
    } finally {
      this.followed.pop();
    }
  }

  private rowsOf(select: SelectStmt, outer: Frame, depth: number, judge?: Judge): Alternative[] {
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
    const source = { id, alias: alias?.aliasname ?? relname, table: known, optional: !certain };
    sources.push({ ...source, tested: testedColumns(this.followed, source) });
  }

  /** What the columns of a sub-query in FROM stand for; what it demands of a row is added. */
  private derived(
    select: SelectStmt,
    certain: boolean,
    { frame, read, depth }: From,
  ): Map<string, Side> | undefined {
    // Rows that are written out are nobody's.
    if (select.valuesLists) return new Map();
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
}
