import { setTimeout as sleep } from "node:timers/promises";
import { type ClientBase, escapeIdentifier } from "pg";
import { sqlStateOf } from "./server-error";
import { Script } from "./script";

/** Limits of a migration's transaction. */
export interface TransactionOptions {
  /** How long a statement waits for a lock before all is undone and tried again. @default 3000 */
  lockTimeoutMs?: number;
  /** How often the whole is tried when it cannot get a lock. @default 10 */
  attempts?: number;
  /** How long one statement may run; 0 means as long as it takes. @default 0 */
  statementTimeoutMs?: number;
  /** Whether a rollback may lose rows: the setting `app_data.allow_data_loss`. @default false */
  allowDataLoss?: boolean;
  /** The schemas in which unqualified names are looked for. @default none */
  searchPath?: readonly string[];
  /** Ends the work: no transaction is begun any more. */
  signal?: AbortSignal | undefined;
  /** Is given a line before each new try, and while many statements run. */
  report?: (line: string) => void;
}

/** How long a statement waits for a lock when nothing else is said. */
export const DEFAULT_LOCK_TIMEOUT_MS = 3_000;
const DEFAULT_ATTEMPTS = 10;
const IDLE_TIMEOUT_MS = 60_000;
const PATIENCE_MS = 60_000;
// So that what a killed migrator had the server do ends soon.
const ALIVE_CHECK_MS = 1_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

// lock_not_available, deadlock_detected, serialization_failure: the next try may succeed.
const TRANSIENT = new Set(["55P03", "40P01", "40001"]);

/**
 * Runs `work` in one transaction: all of it is committed, or nothing. A statement that waits for a
 * lock makes every later reader of the table wait behind it, so it gives up early, and the whole is
 * tried again after a pause.
 */
export async function inTransaction<T>(
  client: ClientBase,
  work: () => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const begun = async (script: Script) => {
    await script.run();
    return work();
  };
  return inScript(client, begun, options);
}

/**
 * As {@link inTransaction}, for work that gathers its statements: the transaction begins with the first
 * that the script sends, and is committed with what `work` leaves in it.
 */
export async function inScript<T>(
  client: ClientBase,
  work: (script: Script) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return tryAgain(() => runOnce(client, work, options), options);
}

/**
 * What is deferred to the end of the transaction runs now: a constraint trigger could change what has been
 * judged by then.
 */
export const RUN_DEFERRED = "set constraints all immediate";

async function tryAgain<T>(
  attemptOnce: () => Promise<T>,
  { attempts = DEFAULT_ATTEMPTS, report, signal }: TransactionOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await attemptOnce();
    } catch (error) {
      const state = transientState(error);
      if (attempt >= attempts || !state) throw error;
      report?.(
        `Could not get a lock (SQLSTATE ${state}); try ${attempt + 1} of ${attempts} follows.`,
      );
      await sleep(pauseBefore(attempt), undefined, { signal }).catch(() => undefined);
    }
  }
}

/**
 * Runs `work` in a transaction that can write nothing and takes no lock that others wait for.
 */
export async function inReadOnlyTransaction<T>(
  client: ClientBase,
  work: () => Promise<T>,
): Promise<T> {
  await client.query("begin transaction isolation level repeatable read, read only");
  try {
    return await work();
  } finally {
    await client.query("rollback");
  }
}

/**
 * Runs `work`, a statement that PostgreSQL runs in no transaction; it is tried again like a transaction.
 * @param options.patient whether it may wait longer for a lock, because nobody waits behind it.
 */
export async function outsideTransaction<T>(
  client: ClientBase,
  work: () => Promise<T>,
  { patient, ...options }: TransactionOptions & { patient: boolean },
): Promise<T> {
  const limits = patient ? { ...options, lockTimeoutMs: PATIENCE_MS } : options;
  return tryAgain(async () => {
    await client.query([RESET, ...settingsOf("set session", limits)].join("; "));
    return work();
  }, options);
}

async function runOnce<T>(
  client: ClientBase,
  work: (script: Script) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const settings = settingsOf("set local", options).join("; ");
  const script = new Script(client, settings, options.report);
  script.add(`begin; ${RESET}; ${settings}`);
  try {
    const result = await work(script);
    script.add("commit");
    await script.run();
    return result;
  } catch (error) {
    // The first error is the one to tell, also when the connection is gone.
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

/** What a migration has set for the session goes, so that the next one starts as the first did. */
const RESET = "reset role; reset all";

/** What holds in a migration, see `HELD_SETTINGS`. */
function settingsOf(
  set: "set local" | "set session",
  {
    lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS,
    statementTimeoutMs = 0,
    allowDataLoss = false,
    searchPath = [],
  }: TransactionOptions,
): string[] {
  const settings = [
    `search_path = ${searchPath.map(escapeIdentifier).join(", ") || "''"}`,
    `lock_timeout = ${lockTimeoutMs}`,
    `statement_timeout = ${statementTimeoutMs}`,
    "transaction_timeout = 0",
    `idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS}`,
    `client_connection_check_interval = ${ALIVE_CHECK_MS}`,
    "row_security = on",
    ...(allowDataLoss ? ["app_data.allow_data_loss = 'on'"] : []),
  ];
  return settings.map((setting) => `${set} ${setting}`);
}

/** The SQLSTATE of a failure that the next try may not meet, of the error or of its cause. */
function transientState(error: unknown): string | undefined {
  const causes = [error, error instanceof Error ? error.cause : undefined];
  return causes.map(sqlStateOf).find((state) => state !== undefined && TRANSIENT.has(state));
}

function pauseBefore(attempt: number): number {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
  // Half of it by chance, so that two migrators do not meet again.
  return pause / 2 + Math.random() * (pause / 2);
}
