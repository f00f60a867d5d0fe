import type { Statement } from "@app-data/rules";
import type { ClientBase } from "pg";
import { DatabaseError } from "pg";
import { addReading } from "../../catalog";
import { sqlStateOf } from "../../database/server-error";
import type { Lock } from "../../sql/effects/effect";
import { readEffect } from "../../sql/effects/effects";
import { type LockMode, READING_MODES, strongest } from "../../sql/lock-mode";
import { resolveLocks } from "../../plan/lock-resolution";
import { type Script, literal } from "../../database/script";
import { statementError } from "../../database/statement-error";
import type { SqlFile } from "../../files/trio";

/** A lock on a table that exists, and the first statement that needs it. */
interface NeededLock extends Lock {
  statement: Statement;
  /** The statements up to it make the relation, if it is not there yet. */
  isMade: boolean;
}

/** What the server says of the tables, and of the times that it waits; milliseconds. */
interface Facts {
  tables: string[];
  lockTimeoutMs: number;
  deadlockTimeoutMs: number;
}

const LOCK_NOT_AVAILABLE = "55P03";
/** What the server can still count. */
const LONGEST_MS = 2_147_483_647;

// LOCK TABLE locks the tables below a view, too, and rights on what others own may not suffice for it.
const FACTS_QUERY = `
select array(
         select w.name
           from pg_catalog.unnest($1::text[]) as w (name)
          cross join lateral pg_catalog.parse_ident(w.name) as parts
           join pg_catalog.pg_namespace n on n.nspname = parts[1]
           join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = parts[2]
          where pg_catalog.cardinality(parts) = 2 and c.relkind in ('r', 'p')
            and pg_catalog.pg_has_role(c.relowner, 'USAGE')
          order by c.oid) as tables,
       extract(epoch from pg_catalog.current_setting('lock_timeout')::interval)::float8 * 1000
         as "lockTimeoutMs",
       extract(epoch from pg_catalog.current_setting('deadlock_timeout')::interval)::float8 * 1000
         as "deadlockTimeoutMs"`;

/**
 * Takes the locks that statements will need on tables that exist, in the transaction that the script
 * is of, before its first statement; waits no longer for all of them than the transaction's
 * lock timeout says for one. Statements that took them one by one would hold the first while they wait
 * for the second: requests would queue behind both, and one that holds the second and asks for the
 * first would be in a deadlock, and might be the one that PostgreSQL ends.
 * @param outcome what an error says has become of the database.
 * @throws MigratorError MIG005 with SQLSTATE 55P03 and the statement whose lock it could not get.
 */
export async function lockAhead(
  script: Script,
  statements: readonly Statement[],
  file: SqlFile,
  outcome?: string,
): Promise<void> {
  const { needed, lockTimeoutMs, deadlockTimeoutMs } = await readNeededLocks(script, statements);
  if (needed.length === 0 || (await takeNow(script, needed))) return;
  const { client } = script;
  // A timeout of 0 is none.
  const limitMs = lockTimeoutMs || LONGEST_MS;
  // Whoever waits because of us waits for less than PostgreSQL takes to look for a deadlock.
  const shortMs = Math.min(limitMs / 4, deadlockTimeoutMs * 0.75);
  const busy = await takeAll(client, needed, shortMs);
  if (!busy) return;
  // Holding nothing, it may wait longer: also until PostgreSQL ends an autovacuum for us, which it does
  // when it looks for a deadlock. Then all who have queued up meanwhile pass first.
  const stillBusy = await takeAll(client, [busy.lock], limitMs / 2, "and let go");
  const refused = stillBusy ?? (await takeAll(client, needed, shortMs));
  if (refused) throw statementError(refused.error, refused.lock.statement, file, outcome);
}

/** The locks to take, each table once; none where taking them one by one does no harm. */
async function readNeededLocks(
  script: Script,
  statements: readonly Statement[],
): Promise<Omit<Facts, "tables"> & { needed: NeededLock[] }> {
  const nothing = { needed: [], lockTimeoutMs: 0, deadlockTimeoutMs: 0 };
  const { wanted, isNeeded } = locksOf(statements);
  if (!isNeeded) return nothing;

  const resolved = await resolveLocks(script, wanted);
  const byTable = new Map<string, NeededLock>();
  for (const [index, lock] of wanted.entries()) {
    for (const { relation, mode } of resolved[index] ?? []) {
      const known = byTable.get(relation);
      if (known) known.mode = strongest(known.mode, mode);
      else byTable.set(relation, { ...lock, relation, mode });
    }
  }
  const names = [...byTable.keys()].map(literal).join(", ");
  const values = [`array[${names}]::text[]`];
  const answer = addReading(script, () =>
    script.addPrepared<Facts>("lock_facts", FACTS_QUERY, values),
  );
  await script.run();
  const [facts] = answer.rows;
  if (!facts) return nothing;
  const { tables, ...times } = facts;
  return { ...times, needed: tables.flatMap((table) => byTable.get(table) ?? []) };
}

/** All locks, each once, and whether taking them one by one could do harm. */
function locksOf(statements: readonly Statement[]): { wanted: NeededLock[]; isNeeded: boolean } {
  const wanted = new Map<string, NeededLock>();
  const made = new Set<string>();
  for (const statement of statements) {
    const { locks, creates } = readEffect(statement.tree, statement.text);
    for (const name of creates) made.add(name);
    for (const lock of locks) {
      const isMade = made.has(lock.relation);
      const key = JSON.stringify([lock.relation, lock.through, lock.mode, isMade]);
      if (!wanted.has(key)) wanted.set(key, { ...lock, statement, isMade });
    }
  }
  const all = [...wanted.values()];
  const onOthers = all.filter(({ through, isMade }) => through ?? !isMade);
  const isFelt = onOthers.some(({ mode }) => !READING_MODES.includes(mode));
  // With a single lock, nothing is held while it is waited for.
  const areSeveral = onOthers.some(({ through }) => through?.what === "every table");
  return { wanted: all, isNeeded: isFelt && (areSeveral || onOthers.length > 1) };
}

function lockStatement(table: string, mode: LockMode): string {
  return `lock table ${table} in ${mode.toLowerCase()} mode nowait`;
}

/** Takes all locks, unless it cannot get one of them at once: most of the time it can. */
async function takeNow(script: Script, needed: readonly NeededLock[]): Promise<boolean> {
  script.add("savepoint lock_ahead");
  for (const { relation, mode } of needed) script.add(lockStatement(relation, mode));
  script.add("release savepoint lock_ahead");
  try {
    await script.run();
    return true;
  } catch (error) {
    if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    await script.client.query("rollback to savepoint lock_ahead; release savepoint lock_ahead");
    return false;
  }
}

/**
 * Takes all locks or none, in one round trip, so that none is held for the time of another.
 * @param waitMs for all of them together.
 * @returns what it could not get, if anything.
 */
async function takeAll(
  client: ClientBase,
  needed: readonly NeededLock[],
  waitMs: number,
  afterwards: "and keep" | "and let go" = "and keep",
): Promise<{ lock: NeededLock; error: unknown } | undefined> {
  try {
    await client.query(
      `savepoint lock_ahead;
       ${lockBlock(needed, Math.ceil(waitMs))};
       ${afterwards === "and keep" ? "" : "rollback to savepoint lock_ahead;"}
       release savepoint lock_ahead`,
    );
    return undefined;
  } catch (error) {
    if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE || !(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint lock_ahead; release savepoint lock_ahead");
    const { where = "" } = error;
    const lock = needed.findLast(({ relation }) => where.includes(`lock table ${relation} in`));
    // It names a place in the block, not in the file.
    error.where = undefined;
    if (!lock) throw error;
    return { lock, error };
  }
}

function lockBlock(needed: readonly NeededLock[], waitMs: number): string {
  const steps = needed.map(
    ({ relation, mode }) => `
      perform pg_catalog.set_config('lock_timeout', pg_catalog.ceil(greatest(1, ${waitMs} - 1000 *
        extract(epoch from pg_catalog.clock_timestamp() - began)))::text, true);
      lock table ${relation} in ${mode.toLowerCase()} mode;`,
  );
  return `do $lock_ahead$
    declare
      began constant timestamptz := pg_catalog.clock_timestamp();
      before constant text := pg_catalog.current_setting('lock_timeout');
    begin${steps.join("")}
      perform pg_catalog.set_config('lock_timeout', before, true);
    end
    $lock_ahead$`;
}
