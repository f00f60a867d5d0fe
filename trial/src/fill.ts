import type { ClientBase } from "pg";
import { callEngine } from "./engine";
import type { Catalog, Relation } from "./catalog";
import { HintReader } from "./hints";
import type { Owners } from "./owners";
import { PEOPLE } from "./people";
import { ROWS_EACH, type Row, RowPlanner } from "./row-planner";
import { insertStatement } from "./statements";

/** What became of one table. */
export interface Filled {
  /** The rows that are in it, by the index of their person. */
  rows: Row[][];
  /** Rows that would fit in, and are not, by the index of their person: for inserts. */
  spare: Row[][];
  /** What PostgreSQL said of rows that it refused. */
  refusals: string[];
}

const NOTHING: Filled = { rows: [], spare: [], refusals: [] };

/**
 * Fills every table with rows of each person, and remembers what it wrote. Strangers, ids of users that
 * are no person of the trial, get a row each.
 */
export class Fill {
  private readonly done = new Map<number, Filled>();
  private readonly begun = new Set<number>();
  private readonly byId: Map<number, Relation>;
  private readonly planner: RowPlanner;

  constructor(
    private readonly client: ClientBase,
    catalog: Catalog,
    private readonly owners: Owners,
    private readonly strangers: readonly string[],
  ) {
    this.byId = new Map(catalog.relations.map((relation) => [relation.id, relation]));
    this.planner = new RowPlanner(
      client,
      owners,
      this.byId,
      new HintReader(catalog),
      (id) => this.done.get(id)?.rows,
    );
  }

  /** Fills all tables, each after those that it refers to. */
  public async all(): Promise<void> {
    for (const relation of this.byId.values()) await this.table(relation);
  }

  /** What became of a table; of a partitioned one, of its partitions together. */
  public of({ id }: Relation): Filled {
    return this.done.get(id) ?? NOTHING;
  }

  private async table(relation: Relation): Promise<void> {
    if (this.begun.has(relation.id)) return;
    this.begun.add(relation.id);
    if (relation.kind === "p") {
      const parts = [...this.byId.values()].filter(({ parents }) => parents.includes(relation.id));
      for (const part of parts) await this.table(part);
      this.done.set(relation.id, together(parts.map((part) => this.of(part))));
    } else if (relation.kind === "r") {
      for (const { target } of relation.foreignKeys) {
        const parent = this.byId.get(target);
        // Of a table that waits for this one, the keys are known before its rows are.
        if (parent) await this.table(parent);
      }
      this.done.set(relation.id, await this.fill(relation));
    }
  }

  private async fill(relation: Relation): Promise<Filled> {
    const planned = await this.planner.plan(relation);
    const all = planned.flatMap((rows) => rows.slice(0, ROWS_EACH));
    const others = this.rowsOfOthers(
      relation,
      planned.flatMap((rows) => rows.slice(-1)),
    );
    const statements = [...all, ...others].map(
      (row) => `${insertStatement(relation, row)} on conflict do nothing`,
    );
    const outcome = await callEngine<string[]>(this.client, "fill", statements);
    return {
      rows: planned.map((rows, person) =>
        rows.slice(0, ROWS_EACH).filter((_, index) => outcome[person * ROWS_EACH + index] === ""),
      ),
      spare: planned.map((rows) => rows.slice(ROWS_EACH, -1)),
      refusals: [...new Set(outcome.filter((line) => line !== ""))],
    };
  }

  /** Rows without an owner, where the table allows that, and of the strangers. */
  private rowsOfOthers(relation: Relation, rows: readonly Row[]): Row[] {
    const columns = this.owners.of(relation)?.columns ?? [];
    if (columns.length === 0) return [];
    const isNullable = columns.every((name) =>
      relation.columns.some((column) => column.name === name && !column.notNull),
    );
    const others = [...(isNullable ? [null] : []), ...this.strangers];
    return others.flatMap((id, index) => {
      const row = rows[index];
      return row ? [{ ...row, ...Object.fromEntries(columns.map((name) => [name, id])) }] : [];
    });
  }
}

function together(parts: readonly Filled[]): Filled {
  const each = (which: "rows" | "spare") =>
    PEOPLE.map(({ index }) => parts.flatMap((part) => part[which][index] ?? []));
  return {
    rows: each("rows"),
    spare: each("spare"),
    refusals: parts.flatMap(({ refusals }) => refusals),
  };
}
