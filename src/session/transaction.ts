import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { AppDataError, codeOf, requireIdentity } from "../errors.js";
import type { GrantedRole } from "../types/index.js";
import { type ConnectionPool, SERVER_GRACE_MS } from "./pool.js";
import { type Queries, queriesOn } from "./queries.js";

/** Who makes the queries of a transaction. */
export interface Identity<Role extends GrantedRole> {
  /** The role that is taken on. */
  readonly role: Role;
  /** What becomes `request.jwt.claims`: JSON, "" for none. */
  readonly claims: string;
  /** The user, and the token that says so, which becomes `request.jwt.token`; undefined without tokens. */
  readonly signed?: { readonly userId: string; readonly token: string } | undefined;
}

/** How a transaction is made. */
export interface TransactionOptions {
  /**
   * Whether the work may be done again from its beginning after a serialization failure or a deadlock:
   * it has no effect outside its queries.
   * @default false
   */
  readonly repeatable?: boolean;
  /**
   * Milliseconds for all of it, with the wait for a connection and every repetition.
   * @default the setting deadlineMs
   */
  readonly deadlineMs?: number;
  /**
   * `snapshot`: every query sees the state at the first one, and none may write.
   * @default "write"
   */
  readonly mode?: "write" | "snapshot";
}

/** What a transaction runs on: typed queries, and the connection for what they cannot say. */
export interface Transaction<Role extends GrantedRole> {
  readonly queries: Queries<Role>;
  /** For plain SQL, and for `COPY` where the pool streams. Never to be kept, released or used for `begin` and `commit`. */
  readonly client: pg.ClientBase;
}

const SERIALIZATION_FAILURE = "40001";
const DEADLOCK = "40P01";
const TRANSACTION_TIMEOUT = "25P04";
const FAILED_TRANSACTION = "25P02";
/** What pg says of a connection that the server has ended while no query was on it; it has no code. */
const NOT_QUERYABLE = "Client has encountered a connection error and is not queryable";
const MOST_ATTEMPTS = 5;

const BEGIN = { write: "begin", snapshot: "begin isolation level repeatable read read only" };
/**
 * Bound: the text of a statement is what other sessions of the login see in `pg_stat_activity`. Columns are
 * computed in their order, so the user is whom the token names.
 */
const SET_TOKEN = "select set_config('request.jwt.token', $1, true), auth.uid()::text as uid";

/** With all that the work has set for the session taken back, which a pooler would hand to another. */
const COMMIT = "reset role; reset all; commit";
/** The same for work that ended the transaction by itself after it had set something. */
const ROLLBACK = "rollback; reset role; reset all";

/**
 * Runs one transaction as an identity, which ends with it: role and claims are the transaction's own,
 * and a connection that is in any other state afterwards is closed instead of used again.
 * @param identify makes the identity, for each attempt anew and once its connection is there: a token that
 * is signed before the wait may have run out after it, and the user would see nothing.
 * @throws what the work threw, after a rollback; AppDataError DAT002 without a free connection,
 * DAT003 past the deadline, DAT004 when the work ended the transaction itself, DAT009 where the database
 * does not believe the token.
 */
export async function runTransaction<Role extends GrantedRole, Result>(
  pool: ConnectionPool,
  identify: () => Promise<Identity<Role>>,
  work: (transaction: Transaction<Role>) => Promise<Result>,
  { repeatable = false, mode = "write", deadlineMs }: TransactionOptions & { deadlineMs: number },
): Promise<Result> {
  const end = performance.now() + deadlineMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(pool, identify, work, mode, deadlineMs, end);
    } catch (error) {
      const code = codeOf(error);
      const isConflict = code === SERIALIZATION_FAILURE || code === DEADLOCK;
      const pauseMs = randomInt(5, 20) * 2 ** attempt;
      const isLast = attempt === MOST_ATTEMPTS || performance.now() + pauseMs >= end;
      if (!repeatable || !isConflict || isLast) throw error;
      await sleep(pauseMs);
    }
  }
}

async function runOnce<Role extends GrantedRole, Result>(
  pool: ConnectionPool,
  identify: () => Promise<Identity<Role>>,
  work: (transaction: Transaction<Role>) => Promise<Result>,
  mode: "write" | "snapshot",
  deadlineMs: number,
  end: number,
): Promise<Result> {
  const leftMs = () => Math.max(1, Math.ceil(end - performance.now()));
  const client = await pool.take(leftMs());
  let isClean = false;
  let isOver = false;
  let isCommitting = false;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(pastDeadline(deadlineMs, isCommitting)),
      leftMs() + SERVER_GRACE_MS,
    );
  });
  try {
    const running = (async () => {
      const identity = await identify();
      await begin(client, identity, mode, leftMs(), !pool.streams);
      const result = await work({ queries: queriesOn<Role>(client, () => isOver), client });
      isOver = true;
      if (client.getTransactionStatus() !== "T") throw endedByWork();
      isCommitting = true;
      await client.query(COMMIT).catch((error: unknown) => {
        throw codeOf(error) === FAILED_TRANSACTION ? endedByWork() : error;
      });
      return result;
    })();
    const result = await Promise.race([running, late]);
    isClean = client.getTransactionStatus() === "I";
    return result;
  } catch (error) {
    isOver = true;
    if (codeOf(error) === TRANSACTION_TIMEOUT || (performance.now() >= end && isLost(error))) {
      throw pastDeadline(deadlineMs, false, error);
    }
    // What is left of a stream would have to be read to its end first.
    isClean = !pool.streams && (await Promise.race([rollBack(client), late]).catch(() => false));
    throw error;
  } finally {
    clearTimeout(timer);
    client.release(!isClean);
  }
}

/**
 * Begins, and takes on the identity, in one round trip. One message where nothing has to be bound: a
 * second one costs as much again as a bare transaction's `begin`. The id of a user is no secret.
 * @throws AppDataError DAT009 where the database does not believe the token: the user would see nothing.
 */
async function begin(
  client: pg.ClientBase,
  { role, claims, signed }: Identity<GrantedRole>,
  mode: "write" | "snapshot",
  withinMs: number,
  sendsAhead: boolean,
): Promise<void> {
  const start =
    `${BEGIN[mode]}; set local role ${role}; set local transaction_timeout = ${withinMs}; ` +
    `set local request.jwt.claims = ${pg.escapeLiteral(claims)}`;
  if (signed === undefined) {
    await client.query(`${start}; set local request.jwt.token = ''`);
    return;
  }
  const begun = client.query(start);
  if (!sendsAhead) await begun;
  const setting = client.query<{ uid: string | null }>(SET_TOKEN, [signed.token]);
  const [, { rows }] = await Promise.all([begun, setting]);
  requireIdentity(rows[0]?.uid, signed.userId);
}

function isLost(error: unknown): boolean {
  return error instanceof Error && error.message === NOT_QUERYABLE;
}

/** Whether the connection is as it was before. */
async function rollBack(client: pg.PoolClient): Promise<boolean> {
  await client.query(ROLLBACK);
  return client.getTransactionStatus() === "I";
}

function pastDeadline(deadlineMs: number, wasCommitting: boolean, cause?: unknown): AppDataError {
  const outcome = wasCommitting
    ? "; COMMIT had been sent and not answered, so it may have been committed. Look before you do it again"
    : ", and was rolled back";
  return new AppDataError(
    "DAT003",
    `The transaction was not done within ${deadlineMs} ms${outcome}. Do less in one transaction, or ` +
      "give it a later deadline.",
    { cause },
  );
}

function endedByWork(): AppDataError {
  return new AppDataError(
    "DAT004",
    "The work ended its transaction, or went on after a query of it had failed; what was still open was rolled back. " +
      "Leave `begin`, `commit` and `rollback` to asUser() and asService(), and let errors through.",
  );
}
