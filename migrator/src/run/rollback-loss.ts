import type { Statement } from "@app-data/rules";
import { type ClientBase, escapeIdentifier } from "pg";
import { RUN_DEFERRED } from "../database/transaction";
import { CODES, MigratorError } from "../errors";
import { readEffect } from "../sql/effects/effects";
import { sqlName } from "../sql/names";
import type { Script } from "../database/script";
import { addStatements } from "./steps/run-steps";
import { rebuiltIn, unquoted } from "../files/rollback-comments";
import type { SqlFile } from "../files/trio";

/** A table that holds rows, as the current transaction has it: a partition is one, too. */
interface Table {
  oid: number;
  schema: string;
  name: string;
  /** The table that it is a partition of, or itself. */
  root: [schema: string, name: string];
  /** Only the rows of one's own tables can be counted whatever row level security says. */
  isOwned: boolean;
  isForced: boolean;
  /** Names by number, which stays when a column is renamed; without generated ones. */
  columns: Record<string, string>;
  /** Numbers of the columns that may be null. */
  nullable: number[];
  /** Where the rows are: `truncate` begins another file. */
  file: number;
  /**
   * Rows that the transaction has inserted since the last `truncate`, and deleted and updated; null
   * where the server does not count.
   */
  inserted: number | null;
  deleted: number | null;
  updated: number | null;
}

/** Rows of a table, and by number of a column that may be null the values in it that are not. */
interface Counts {
  rows: number;
  values: Record<string, number>;
}

/** How many rows are lost, or values of a column. */
interface Loss {
  what: string;
  count: number;
}

// Takes no lock: somebody may hold one on a table that the rollback has nothing to do with.
const TABLES_QUERY = `
select c.oid::bigint::float8 as oid, n.nspname as schema, c.relname as name,
       pg_catalog.jsonb_build_array(rn.nspname, r.relname) as root,
       pg_catalog.pg_has_role(c.relowner, 'member') as "isOwned",
       c.relforcerowsecurity as "isForced",
       (select coalesce(pg_catalog.jsonb_object_agg(a.attnum, a.attname), '{}')
          from pg_catalog.pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
         as columns,
       array(select a.attnum from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attnotnull) as nullable,
       pg_catalog.pg_relation_filenode(c.oid)::bigint::float8 as file,
       case when s.counts then pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) end::float8 as inserted,
       case when s.counts then pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) end::float8 as deleted,
       case when s.counts then pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) end::float8 as updated
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_class r on r.oid = coalesce(pg_catalog.pg_partition_root(c.oid), c.oid)
  join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace
 cross join (select pg_catalog.current_setting('track_counts')::boolean) as s (counts)
 where c.relkind = 'r' and c.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrations')
 order by r.oid, c.oid`;

/**
 * Runs the statements of a rollback and refuses what they lose: rows, and values that become null or whose
 * column goes, of every table that they delete from, update, truncate or drop, whatever their form. Which
 * tables these are PostgreSQL says when they have run. Those that the text names are counted before; where
 * it does not name one, and nothing is lost in it, the statements run a second time. Tables that the file
 * names in a comment `-- rebuilt: public.a, public.b` can be made again by the migrations and do not count.
 * @param outcome as `addStatements` has it.
 * @throws MigratorError MIG017 that names tables, columns and numbers.
 */
export async function runWithoutLoss(
  script: Script,
  statements: readonly Statement[],
  file: SqlFile,
  outcome?: string,
): Promise<void> {
  await script.run();
  const { client } = script;
  const rebuilt = rebuiltIn(file.sql);
  const isJudged = (table: Table) => !namesOf(table).some((name) => rebuilt.has(unquoted(name)));
  const named = tablesIn(statements);
  const counted = new Map<number, Counts>();
  let before = await readTables(client);
  const isNamed = (table: Table) => namesOf(table).some((name) => named.has(name));
  let uncounted = before.filter((table) => isJudged(table) && isNamed(table));
  await countAll(client, uncounted, counted);
  do {
    await client.query("savepoint loss");
    await addStatements(script, statements, file, outcome);
    script.add(RUN_DEFERRED);
    await script.run();

    const found = await readTables(client);
    const after = new Map(found.map((table) => [table.oid, table]));
    const written = before.filter(
      (table) => isJudged(table) && isWritten(table, after.get(table.oid)),
    );
    const left = written.flatMap(({ oid }) => after.get(oid) ?? []);
    const remaining = await countAll(client, left);
    uncounted = written.filter(({ oid }) => !counted.has(oid));
    if (uncounted.length > 0) {
      await client.query("rollback to savepoint loss");
      await countAll(client, uncounted, counted);
    }
    const losses = written.flatMap((table) => {
      const { oid } = table;
      return lossesOf(table, after.get(oid), counted.get(oid), remaining.get(oid));
    });
    refuseLosses(losses, file);
    if (uncounted.length > 0) before = await readTables(client);
  } while (uncounted.length > 0);
}

/**
 * Refuses statements whose text says that they lose rows, before the first of them runs: for a file whose
 * steps are committed one by one. What a block does shows when it runs.
 * @throws MigratorError MIG017.
 */
export async function refuseNamedLosses(
  script: Script,
  statements: readonly Statement[],
  file: SqlFile,
): Promise<void> {
  await script.run();
  const { client } = script;
  const rebuilt = rebuiltIn(file.sql);
  const named = statements
    .filter(({ tree }) => !("DoStmt" in tree))
    .flatMap(({ tree, text }) => readEffect(tree, text).losses);
  const losses: Loss[] = [];
  for (const table of await readTables(client)) {
    const what = sqlName(table.root);
    const names = namesOf(table);
    const lost = named.filter(({ relation }) => names.includes(relation));
    if (lost.length === 0 || names.some((name) => rebuilt.has(unquoted(name)))) continue;
    const { rows, values } = await count(client, table);
    if (lost.some(({ column }) => column === null)) losses.push({ what, count: rows });
    else {
      const isLost = (name: string) => lost.some(({ column }) => column === name);
      losses.push(
        ...columnLosses(table, (number, name) => (isLost(name) ? (values[number] ?? rows) : 0)),
      );
    }
  }
  refuseLosses(losses, file);
}

function refuseLosses(losses: readonly Loss[], { file }: SqlFile): void {
  const lost = new Map<string, number>();
  for (const { what, count } of losses) {
    if (count > 0) lost.set(what, (lost.get(what) ?? 0) + count);
  }
  if (lost.size === 0) return;
  const list = [...lost].map(([what, count]) => `${what}: ${count}`).join("; ");
  throw new MigratorError(
    CODES.rowsWouldBeLost,
    `${file} would lose rows (${list}). Its transaction was undone. Export the rows and ` +
      "delete them first, or accept the loss: migrations.allowDataLoss, or --allow-data-loss on the " +
      "command line.",
  );
}

/**
 * Whether rows of a table, or values in them, may be gone.
 * @param now undefined when the table is gone.
 */
function isWritten(before: Table, now: Table | undefined): boolean {
  if (!now || Object.keys(before.columns).some((number) => !(number in now.columns))) return true;
  if (now.file !== before.file || now.deleted === null) return true;
  return now.deleted !== before.deleted || now.updated !== before.updated;
}

/**
 * What a table has lost. A row that was deleted is lost also where another was inserted.
 * @param now undefined when the table is gone.
 */
function lossesOf(
  before: Table,
  now: Table | undefined,
  counted: Counts = { rows: 0, values: {} },
  remaining: Counts = { rows: 0, values: {} },
): Loss[] {
  const deleted = (now?.deleted ?? 0) - (before.deleted ?? 0);
  // What `truncate` takes is not deleted one by one: of a new file, what was inserted is not what was there.
  const isNewFile = now !== undefined && now.file !== before.file;
  const inserted = isNewFile ? (now.inserted ?? 0) - (before.inserted ?? 0) : 0;
  const rows = Math.max(counted.rows - remaining.rows + inserted, deleted);
  if (rows > 0) return [{ what: sqlName(before.root), count: rows }];
  return columnLosses(before, (number) => {
    const had = counted.values[number] ?? counted.rows;
    if (!now || !(number in now.columns)) return had;
    const has = remaining.values[number] ?? remaining.rows;
    // New rows with values do not make up for those that an update takes.
    const newRows = now.updated === before.updated ? 0 : remaining.rows - counted.rows;
    return had - has + newRows;
  });
}

function columnLosses(table: Table, countOf: (number: string, name: string) => number): Loss[] {
  return Object.entries(table.columns).map(([number, name]) => ({
    what: `${sqlName(table.root)}, column ${sqlName([name])}`,
    count: countOf(number, name),
  }));
}

/** Tables whose rows the text says are written or go, as SQL writes their names. */
function tablesIn(statements: readonly Statement[]): Set<string> {
  const effects = statements.map(({ tree, text }) => readEffect(tree, text));
  const written = effects.flatMap(({ locks }) =>
    locks.filter(({ mode }) => mode === "ROW EXCLUSIVE"),
  );
  const others = effects.flatMap(({ losses, retypes }) => [...losses, ...retypes]);
  return new Set([...written, ...others].map(({ relation }) => relation));
}

/** How a statement may name a table that holds rows: as itself, or as what it is a partition of. */
function namesOf({ schema, name, root }: Table): string[] {
  return [sqlName([schema, name]), sqlName(root)];
}

/** The tables whose rows are the application's. */
async function readTables(client: ClientBase): Promise<Table[]> {
  return (await client.query<Table>(TABLES_QUERY)).rows;
}

async function countAll(
  client: ClientBase,
  tables: readonly Table[],
  counted = new Map<number, Counts>(),
): Promise<Map<number, Counts>> {
  for (const table of tables) counted.set(table.oid, await count(client, table));
  return counted;
}

/**
 * Counts the rows of a table that is one's own. Forced row level security hides rows from their owner, too, so it is lifted
 * for the count and put back by the savepoint.
 */
async function count(client: ClientBase, table: Table): Promise<Counts> {
  const { schema, name, columns, nullable, isOwned, isForced } = table;
  if (!isOwned) return { rows: 0, values: {} };
  const sql = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
  const lift = isForced ? `alter table ${sql} no force row level security` : "";
  await client.query(`savepoint counting; ${lift}`);
  const values = Object.entries(columns)
    .filter(([number]) => nullable.includes(Number(number)))
    .map(([number, column]) => `'${number}', count(${escapeIdentifier(column)})`);
  const { rows } = await client.query<Counts>(
    `select count(*)::float8 as rows, ${objectOf(values)} as values
       from only ${sql}`,
  );
  await client.query("rollback to savepoint counting; release savepoint counting");
  return rows[0] ?? { rows: 0, values: {} };
}

/** A function takes 100 arguments at the most. */
function objectOf(pairs: readonly string[]): string {
  const parts: string[] = [];
  for (let start = 0; start < pairs.length; start += 50) {
    parts.push(`pg_catalog.jsonb_build_object(${pairs.slice(start, start + 50).join(", ")})`);
  }
  return parts.length > 0 ? parts.join(" || ") : "'{}'::jsonb";
}
