import type { Node, SelectStmt } from "libpg-query";
import type { JudgedSchema } from "../model/judged-schema";
import type { Table } from "../model/schema";
import { identifiers } from "../sql/expressions";
import { columnOf, hasOnly, isIdentity, selectOf, withoutCasts } from "./values";

/** A column of one of the rows that a condition reads; the row that a policy judges has number 0. */
interface Column {
  row: number;
  name: string;
}

/**
 * Whether a sub-query finds something only where the judged row is tied to the signed-in user: it joins
 * tables by AND, one of them to the user, and each to the next by columns that hold the same key.
 */
export function tiesRow({ select, equal }: Query, { table, judged, shows }: Surroundings): boolean {
  const join = new Join(table, judged, shows);
  return join.read(select, new Map([[table.name, 0]]), equal) && join.tied().has(0);
}

/** Whether every row that a query reads is tied to the signed-in user. */
export function readsOwnRows(select: SelectStmt, judged: JudgedSchema): boolean {
  const join = new Join(undefined, judged, () => false);
  return join.read(select, new Map()) && join.count > 1 && join.tied().size === join.count - 1;
}

/** A query, and further values that are equal where it finds something. */
export interface Query {
  select: SelectStmt;
  equal: (readonly [Node, Node])[];
}

/** What a sub-query stands in. */
export interface Surroundings {
  table: Table;
  judged: JudgedSchema;
  /** Whether the policies of a table show end users rows that are tied to them, and no others. */
  shows: (table: Table) => boolean;
}

class Join {
  readonly #rows: (Table | undefined)[];
  readonly #equal: [Column, Column][] = [];
  readonly #own = new Set<number>();

  /** @param table the judged row's; undefined where there is none. */
  public constructor(
    table: Table | undefined,
    private readonly judged: JudgedSchema,
    private readonly shows: (table: Table) => boolean,
  ) {
    this.#rows = [table];
  }

  /** How many rows it reads, the judged one included. */
  public get count(): number {
    return this.#rows.length;
  }

  /**
   * Reads a query with the names that are seen around it.
   * @returns false where its FROM is not plain tables.
   */
  public read(
    select: SelectStmt,
    outer: ReadonlyMap<string, number>,
    equal: readonly (readonly [Node, Node])[] = [],
  ): boolean {
    const names = new Map(outer);
    const conditions: Node[] = select.whereClause ? [select.whereClause] : [];
    const isPlain = (select.fromClause ?? []).every((item) =>
      this.#addSource(item, names, conditions),
    );
    if (!isPlain) return false;
    for (const condition of conditions) this.#addCondition(condition, names);
    for (const [left, right] of equal) this.#addEqual(left, right, names);
    return true;
  }

  /** The rows that are tied to the user by what was read. */
  public tied(): ReadonlySet<number> {
    const tied = new Set(this.#own);
    for (const row of tied) {
      for (const [one, other] of this.#equal) {
        if (one.row === row) tied.add(other.row);
        if (other.row === row) tied.add(one.row);
      }
    }
    return tied;
  }

  #addSource(item: Node, names: Map<string, number>, conditions: Node[]): boolean {
    if ("JoinExpr" in item) {
      const { jointype, larg, rarg, quals } = item.JoinExpr;
      if (quals) conditions.push(quals);
      return (
        hasOnly(item.JoinExpr, "jointype", "larg", "rarg", "quals") &&
        jointype === "JOIN_INNER" &&
        [larg, rarg].every((side) => side !== undefined && this.#addSource(side, names, conditions))
      );
    }
    if (!("RangeVar" in item)) return false;
    const { schemaname, relname = "", alias } = item.RangeVar;
    const isKnown = hasOnly(
      item.RangeVar,
      "schemaname",
      "relname",
      "inh",
      "relpersistence",
      "alias",
    );
    const table =
      schemaname === undefined
        ? undefined
        : this.judged.table({ schema: schemaname, name: relname });
    if (!isKnown || !table || table.kind === "foreign table") return false;
    if (alias && !hasOnly(alias, "aliasname")) return false;
    const row = this.#rows.push(table) - 1;
    names.set(alias?.aliasname ?? relname, row);
    if (this.shows(table)) this.#own.add(row);
    return true;
  }

  /** What is joined by AND narrows; of it only what ties rows counts. */
  #addCondition(condition: Node, names: ReadonlyMap<string, number>): void {
    if ("BoolExpr" in condition && condition.BoolExpr.boolop === "AND_EXPR") {
      for (const part of condition.BoolExpr.args ?? []) this.#addCondition(part, names);
    } else if ("A_Expr" in condition) {
      const { kind, name = [], lexpr, rexpr } = condition.A_Expr;
      const isEqual = kind === "AEXPR_OP" && identifiers(name).join(".") === "=";
      if (isEqual && lexpr && rexpr && hasOnly(condition.A_Expr, "kind", "name", "lexpr", "rexpr"))
        this.#addEqual(lexpr, rexpr, names);
    } else if ("SubLink" in condition) {
      const query = subQuery(condition);
      if (query) this.read(query.select, names, query.equal);
    }
  }

  #addEqual(left: Node, right: Node, names: ReadonlyMap<string, number>): void {
    const [one, other] = [left, right].map((node) => this.#column(node, names));
    if (one && other) {
      if (this.#sharesKey(one, other)) this.#equal.push([one, other]);
      return;
    }
    const column = one ?? other;
    const table = column && this.#rows[column.row];
    if (!column || !table || !isIdentity(one ? right : left, this.judged.contract)) return;
    if (this.judged.holdsUser(table, column.name)) this.#own.add(column.row);
  }

  #column(node: Node, names: ReadonlyMap<string, number>): Column | undefined {
    const column = columnOf(withoutCasts(node));
    // Beside a sub-query the server writes the judged row's columns without its table.
    const row = column && (column.from === undefined ? 0 : names.get(column.from));
    return column && row !== undefined ? { row, name: column.column } : undefined;
  }

  #sharesKey(one: Column, other: Column): boolean {
    const [left, right] = [one, other].map(({ row, name }) => {
      const table = this.#rows[row];
      return table ? this.judged.references(table, name) : new Set<string>();
    });
    return [...(left ?? [])].some((key) => right?.has(key));
  }
}

/** The query of `exists (…)`, `value in (…)` or `value = any (array(…))`, and what is equal in it. */
export function subQuery(node: Node): Query | undefined {
  if (!("SubLink" in node) || !hasOnly(node.SubLink, "subLinkType", "testexpr", "subselect"))
    return undefined;
  const { subLinkType, testexpr, subselect } = node.SubLink;
  const select = selectOf(subselect);
  const targets = (select?.targetList ?? []).map((target) =>
    "ResTarget" in target ? target.ResTarget.val : undefined,
  );
  // An aggregate without a group finds a row where there is none.
  const isPlain = targets.every((value) => value && ("A_Const" in value || "ColumnRef" in value));
  if (!select || !isPlain) return undefined;
  if (subLinkType === "EXISTS_SUBLINK") return { select, equal: [] };
  const [value, another] = targets;
  if (subLinkType !== "ANY_SUBLINK" || !testexpr || !value || another) return undefined;
  return { select, equal: [[testexpr, value]] };
}
