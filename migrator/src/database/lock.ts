import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../errors";
import { LOCK_KEY, WORK_KEY, holdsMigrationLock, isHeld } from "./lock-query";
import { Script } from "./script";

/** How long to wait for another migrator, and whom to report to. */
export interface LockOptions {
  /** @default 60000 */
  waitMs?: number;
  /** Is given a line when the wait starts. */
  report?: (line: string) => void;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/** Of a row `l` of pg_locks, for {@link WORK_KEY} as $1: whether its session works. */
export const HOLDS_WORK = isHeld("l", "$1");
const POLL_MS = 200;
const DEFAULT_WAIT_MS = 60_000;

/**
 * Runs `work` while this session is the only migrator in the database. The lock is asked for again
 * and again, never waited for: a waiting statement holds a snapshot, and a `create index
 * concurrently` of the holder would wait for that snapshot, a deadlock. It ends with the session,
 * so a killed migrator leaves nothing behind.
 * @throws MigratorError MIG007 with the holder's name, address and age when the wait is over.
 */
export async function withMigrationLock<T>(
  client: ClientBase,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  return withLock(client, LOCK_KEY, work, options);
}

/**
 * Runs `work` on a connection once no statement of an earlier migrator runs on the server any more: one
 * that was killed is gone sooner than what it had the server do.
 * @throws MigratorError MIG007 when the wait is over.
 */
export async function withWorkLock<T>(
  client: ClientBase,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  return withLock(client, WORK_KEY, work, options);
}

async function withLock<T>(
  client: ClientBase,
  key: string,
  work: () => Promise<T>,
  { waitMs = DEFAULT_WAIT_MS, report, signal }: LockOptions,
): Promise<T> {
  const deadline = Date.now() + waitMs;
  for (let reported = false; !(await tryLock(client, key)); reported = true) {
    const holder = await describeHolder(client, key);
    if (Date.now() >= deadline) {
      throw new MigratorError(
        CODES.locked,
        `Another migrator has been at work in this database for longer than ${waitMs / 1000} s: ${holder}. ` +
          "Wait for it to end, or end its session, and try again.",
      );
    }
    if (!reported) report?.(`Waiting for another migrator: ${holder}.`);
    await sleep(POLL_MS);
    signal?.throwIfAborted();
  }
  try {
    return await work();
  } finally {
    // A session that was cut off has lost the lock already.
    await client.query("select pg_advisory_unlock($1)", [key]).catch(() => undefined);
  }
}

/**
 * Makes sure that the session `pid` holds the lock.
 * @throws MigratorError MIG007 when it does not, because its connection broke.
 */
export async function demandLock(client: ClientBase, pid: number): Promise<void> {
  const script = new Script(client);
  const refuseLost = addLockCheck(script, pid);
  await script.run();
  refuseLost();
}

/**
 * As {@link demandLock}, with the next message of a script.
 * @returns what throws, once the message is answered.
 */
export function addLockCheck(script: Script, pid: number): () => void {
  const check = `select from pg_catalog.pg_locks l where l.pid = $1 and ${holdsMigrationLock("l")}`;
  const found = script.addPrepared("lock_check", check, [String(pid)]);
  return () => {
    if (found.rows.length === 1) return;
    throw new MigratorError(
      CODES.locked,
      "The connection that held the migration lock broke, so another migrator may be at work: nothing " +
        "was committed. Run it again.",
    );
  };
}

async function tryLock(client: ClientBase, key: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock($1) as locked",
    [key],
  );
  return rows[0]?.locked ?? false;
}

async function describeHolder(client: ClientBase, key: string): Promise<string> {
  const { rows } = await client.query<{ holder: string }>(
    `select format('process %s, %s of role %s from %s, connected since %s (%s s)', l.pid,
              coalesce(nullif(a.application_name, ''), 'an unnamed application'),
              coalesce(a.usename::text, 'unknown'), coalesce(a.client_addr::text, 'an unknown address'),
              coalesce(to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
                       'an unknown time'),
              coalesce(extract(epoch from clock_timestamp() - a.backend_start)::integer::text, '?'))
              as holder
       from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
      where ${isHeld("l", "$1")}`,
    [key],
  );
  return rows[0]?.holder ?? "it has just ended";
}
