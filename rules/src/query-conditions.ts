import type { Node, SelectStmt } from "libpg-query";
import { aggregates } from "./condition-nodes";
import { MAXIMUM_DEPTH } from "./condition-values";
import { type Alternative, type Outcome, all, both, hole, nothing } from "./conditions";
import { functionCalls, identifiers } from "./expressions";
import {
  type From,
  aliasOf,
  allColumns,
  isStar,
  lastField,
  namesOfWith,
  sameColumn,
  subQueryOf,
  unnestedElement,
} from "./from-clause";
import { onlyTarget } from "./identity-expressions";
import type { Frame, Side, Source } from "./names-in-scope";
import type { Ownership } from "./ownership";
import type { Schema } from "./schema";
import { testedColumns } from "./tested-columns";

/** The ways in which a condition comes to an outcome. */
export type WaysOf = (node: Node, frame: Frame, depth: number, outcome: Outcome) => Alternative[];

/** Says more of what a query selects: a condition, or what it implies. */
export type Judge = (target: Node | undefined, frame: Frame) => Node | Alternative[] | undefined;

/** Reads off a query what it says of the rows that it reads. */
export class QueryConditions {
  private sources = 0;
  /** The queries that are being followed, from the outermost on. */
  private readonly followed: SelectStmt[] = [];
  /** What WITH names anywhere in the expression; a query inside of one may mean it. */
  private named: ReadonlySet<string> = new Set();

  constructor(
    private readonly schema: Schema,
    private readonly ownership: Ownership,
    private readonly ways: WaysOf,
  ) {}

  /** Prepares for the queries in an expression. */
  public within(expression: Node): void {
    this.named = namesOfWith(expression);
  }

  /**
   * What a query that returns a row says.
   * @param judge says more of the value that it selects: a condition, or what it implies.
   */
  public query(select: SelectStmt, outer: Frame, depth: number, judge?: Judge): Alternative[] {
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
      const derived = inFrom
        ? this.derived(inFrom, certain, query)
        : unnested(item, certain, { ...query.frame, sources: [...sources] });
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

/** What the column of an array that is written out stands for. @param left what the array may name. */
function unnested(item: Node, certain: boolean, left: Frame): Map<string, Side> | undefined {
  const element = certain ? unnestedElement(item) : undefined;
  return element && new Map([[element.column, { node: element.node, frame: left }]]);
}
