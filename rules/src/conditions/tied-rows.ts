import type { Node, SelectStmt } from "libpg-query";
import { type JudgedSchema, type Place, isKey } from "../model/judged-schema";
import type { Table } from "../model/schema";
import { nodesIn } from "../sql/expressions";
import { isIdentity } from "./identity";
import { isShared } from "./shared-tables";
import { type Query, subQuery } from "./sub-queries";
import { columnOf, equalSides, fieldsOf, hasOnly, withoutCasts } from "./syntax";

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

/** Whether every row that a query reads, in any of its parts, is tied to the signed-in user. */
export function readsOwnRows(select: SelectStmt, judged: JudgedSchema): boolean {
  const join = new Join(undefined, judged, () => false);
  const sources = nodesIn(select, "RangeVar").length;
  return join.read(select, new Map()) && sources > 0 && join.tied().size === sources;
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
  /** The columns that equal the signed-in user. */
  readonly #users: Column[] = [];
  /** The rows that policies show for being the user's. */
  readonly #shown = new Set<number>();

  /** @param table the judged row's; undefined where there is none. */
  public constructor(
    table: Table | undefined,
    private readonly judged: JudgedSchema,
    private readonly shows: (table: Table) => boolean,
  ) {
    this.#rows = [table];
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
    for (const { row, name } of this.#users) {
      for (const pair of this.#equal) {
        const at = pair.findIndex((one) => one.row === row && one.name === name);
        const other = at < 0 ? undefined : pair[1 - at];
        if (other && !this.#users.includes(other)) this.#users.push(other);
      }
    }
    const tied = new Set(this.#shown);
    for (const { row, name } of this.#users) {
      const table = this.#rows[row];
      if (table && this.judged.holdsUser(table, name)) tied.add(row);
    }
    for (const row of tied) {
      for (const [one, other] of this.#equal) {
        if ((one.row !== row && other.row !== row) || !this.#sharesKey(one, other)) continue;
        tied.add(one.row).add(other.row);
      }
    }
    return tied;
  }

  #addSource(item: Node, names: Map<string, number>, conditions: Node[]): boolean {
    const join = fieldsOf(item, "JoinExpr");
    if (join) {
      const { jointype, larg, rarg, quals } = join;
      if (quals) conditions.push(quals);
      return (
        jointype === "JOIN_INNER" &&
        [larg, rarg].every((side) => side !== undefined && this.#addSource(side, names, conditions))
      );
    }
    const { schemaname, relname = "", alias } = fieldsOf(item, "RangeVar") ?? {};
    const table = schemaname && this.judged.table({ schema: schemaname, name: relname });
    if (!table || table.kind === "foreign table") return false;
    if (alias && !hasOnly(alias, ["aliasname"])) return false;
    const row = this.#rows.push(table) - 1;
    names.set(alias?.aliasname ?? relname, row);
    if (this.shows(table)) this.#shown.add(row);
    return true;
  }

  /** What is joined by AND narrows; of it only what ties rows counts. */
  #addCondition(condition: Node, names: ReadonlyMap<string, number>): void {
    const { boolop, args = [] } = fieldsOf(condition, "BoolExpr") ?? {};
    if (boolop === "AND_EXPR") for (const part of args) this.#addCondition(part, names);
    const sides = equalSides(condition);
    if (sides) this.#addEqual(...sides, names);
    const query = subQuery(condition);
    if (query) this.read(query.select, names, query.equal);
  }

  #addEqual(left: Node, right: Node, names: ReadonlyMap<string, number>): void {
    const [one, other] = [left, right].map((node) => this.#column(node, names));
    const column = one ?? other;
    if (one && other) this.#equal.push([one, other]);
    else if (column && isIdentity(one ? right : left, this.judged.contract)) {
      this.#users.push(column);
    }
  }

  #column(node: Node, names: ReadonlyMap<string, number>): Column | undefined {
    const column = columnOf(withoutCasts(node));
    // Beside a sub-query the server writes the judged row's columns without its table.
    const row = column && (column.from === undefined ? 0 : names.get(column.from));
    return column && row !== undefined ? { row, name: column.column } : undefined;
  }

  /** Whether two columns hold the same key, by which a row belongs to somebody. */
  #sharesKey(one: Column, other: Column): boolean {
    const [left, right] = [one, other].map(({ row, name }) => {
      const table = this.#rows[row];
      return table && this.judged.references(table, name);
    });
    return [...(left ?? [])].some(([key, place]) => right?.has(key) && this.#isOfSomebody(place));
  }

  /**
   * A part of a key is the same in rows that have nothing in common, so is what all may choose from. And a
   * row of mine that names another user does not make theirs mine.
   */
  #isOfSomebody({ table: name, column }: Place): boolean {
    const { judged } = this;
    const table = judged.table(name);
    if (!table || !isKey(table, column) || judged.namesUser(name, column)) return false;
    return !(judged.canDo(table, "select") && isShared(table, judged));
  }
}
