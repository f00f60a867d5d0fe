import type { ClientBase } from "pg";
import type { Catalog, Relation } from "./catalog";
import { callEngine } from "./engine";
import type { HintReader } from "./hints";
import type { Links } from "./links";
import { type OwnRows, ROWS_EACH, type Row, RowPlanner } from "./row-planner";
import { insertStatement, quoteIdentifier, quoteText, writableColumns } from "./statements";
import { WORLDS, type World } from "./worlds";

/** What became of one table. */
export interface Filled {
  /** The rows that are in it, by the index of their world. */
  rows: Row[][];
  /** Rows that would fit in, and are not, by the index of their world: for inserts. */
  spare: Row[][];
  /** What PostgreSQL said of rows that it refused. */
  refusals: string[];
}

const NOTHING: Filled = { rows: [], spare: [], refusals: [] };

/** Fills every table with rows of each world, and remembers what it wrote. */
export class Fill {
  private readonly done = new Map<number, Filled>();
  private readonly begun = new Set<number>();
  private readonly byId: Map<number, Relation>;
  private readonly planner: RowPlanner;

  /**
   * @param ownRows of the migrations.
   * @param absent tables that the last world has no rows of.
   */
  constructor(
    private readonly client: ClientBase,
    worlds: readonly World[],
    catalog: Catalog,
    private readonly links: Links,
    hints: HintReader,
    ownRows: OwnRows,
    private readonly absent: ReadonlySet<number>,
    private readonly hasSeeds: boolean,
  ) {
    this.byId = new Map(catalog.relations.map((relation) => [relation.id, relation]));
    this.planner = new RowPlanner(
      client,
      worlds,
      links,
      this.byId,
      hints,
      (id) => this.done.get(id)?.rows,
      ownRows,
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

  /** Leaves one row of each world in a table, with other values. */
  public async replace(relation: Relation, values: Row): Promise<void> {
    const { rows, ...filled } = this.of(relation);
    const changed = rows.map((of) => of.slice(0, 1).map((row) => ({ ...row, ...values })));
    const clears = rows.map((_, world) => `app_data_trial.clear('${relation.id}', ${world})`);
    await this.client.query(`set session_replication_role = replica;
      select ${clears.join(", ")};
      set session_replication_role = origin`);
    const inserts = changed.flatMap((of, world) =>
      of.map((row) => ({ insert: insertStatement(relation, row), world })),
    );
    await callEngine<string[]>(this.client, "fill", inserts);
    this.done.set(relation.id, { ...filled, rows: changed });
  }

  private async table(relation: Relation): Promise<void> {
    if (this.begun.has(relation.id)) return;
    this.begun.add(relation.id);
    if (relation.kind === "p") {
      const parts = [...this.byId.values()].filter(({ parents }) => parents.includes(relation.id));
      for (const part of parts) await this.table(part);
      this.done.set(relation.id, together(parts.map((part) => this.of(part))));
    } else if (relation.kind === "r") {
      const targets = this.links
        .of(relation)
        .flatMap((link) => [link.key?.target, ...link.targets.map((one) => one.relation.id)]);
      for (const target of targets) {
        const parent = target === undefined ? undefined : this.byId.get(target);
        // Of a table that waits for this one, the keys are known before its rows are.
        if (parent) await this.table(parent);
      }
      this.done.set(relation.id, await this.fill(relation));
    }
  }

  private async fill(relation: Relation): Promise<Filled> {
    const planned = await this.planner.plan(relation);
    const isReference = this.links.isReference(relation);
    const rows = planned.flatMap((of, world) =>
      of
        .slice(0, this.absent.has(relation.id) && world === WORLDS.length - 1 ? 0 : ROWS_EACH)
        .map((row) => ({ row, world })),
    );
    const outcome = await callEngine<string[]>(
      this.client,
      "fill",
      rows.map(({ row, world }) => ({
        insert: insertStatement(relation, row),
        world: isReference ? null : world,
      })),
    );
    const filled = planned.map((_, world) =>
      rows
        .filter((one, index) => one.world === world && outcome[index] === "")
        .map(({ row }) => row),
    );
    const refusals = [...new Set(outcome.filter((line) => line !== ""))];
    const seeded = filled.some(({ length }) => length === 0) ? await this.seeded(relation) : [];
    // What nothing could be made up for is inserted again as the seed file has it.
    if (seeded.some(({ length }) => length > 0)) return { rows: seeded, spare: seeded, refusals };
    return { rows: filled, spare: planned.map((of) => of.slice(ROWS_EACH)), refusals };
  }

  /** The rows of seed files in a table, by the world that they refer to. */
  private async seeded(relation: Relation): Promise<Row[][]> {
    if (!this.hasSeeds) return [];
    const texts = writableColumns(relation).map(
      ({ name }) => `${quoteText(name)}, t.${quoteIdentifier(name)}::text`,
    );
    const { rows } = await this.client.query<{ world: number; row: Row }>(`
      with found as (
        select t.tableoid, t.ctid, json_build_object(${texts.join(", ")}) as row,
          (select (r ->> 'world')::integer from jsonb_array_elements(${this.links.refersExpression(relation)}) r
           limit 1) as world
        from only ${relation.sql} t
      ), remembered as (
        insert into app_data_trial.pristine select tableoid, ctid, world from found where world is not null
        on conflict do nothing
      )
      select world, row from found where world is not null order by ctid`);
    return WORLDS.map(({ index }) =>
      rows.filter(({ world }) => world === index).map(({ row }) => row),
    );
  }
}

function together(parts: readonly Filled[]): Filled {
  const each = (which: "rows" | "spare") =>
    WORLDS.map(({ index }) => parts.flatMap((part) => part[which][index] ?? []));
  return {
    rows: each("rows"),
    spare: each("spare"),
    refusals: parts.flatMap(({ refusals }) => refusals),
  };
}
