import { setTimeout as sleep } from "node:timers/promises";
import type { Statement } from "@app-data/rules";
import { type ClientBase, DatabaseError } from "pg";
import { sqlStateOf } from "../../database/server-error";
import { CODES, MigratorError } from "../../errors";
import { statementError } from "../../database/statement-error";
import {
  DEFAULT_LOCK_TIMEOUT_MS,
  type TransactionOptions,
  inReadOnlyTransaction,
  inTransaction,
} from "../../database/transaction";
import type { SqlFile } from "../../files/trio";
import { type BatchCheckpoint, startingPoint } from "../../sql/batch/checkpoint";
import type { BatchDirective } from "../../sql/batch/directive";
import { type WalkedKey, estimateKeys, readKey, readPage } from "./key";
import { Pace } from "./pace";
import type { BatchProgress } from "./progress";
import { type LimitedStatement, limitStatement } from "./range";
import { refuseHiddenRows, refuseSilentWrites } from "./silent-writes";

const QUERY_CANCELED = "57014";
const GO_ON =
  "Correct the data that the statement meets and run the migration again: it goes on with this batch. " +
  "To change the statement itself, roll the migration back first.";

/** How batches are run. */
export interface BatchOptions {
  /** The file of the statement, for errors. */
  file: SqlFile;
  /** What was saved last, when an earlier run was stopped. */
  checkpoint?: BatchCheckpoint;
  /** Keeps a checkpoint; called inside the transaction of the batch, so that both are kept or none. */
  saveCheckpoint(client: ClientBase, checkpoint: BatchCheckpoint): Promise<void>;
  /** Limits of each batch; a lock is waited for no longer than the directive's target. */
  transaction?: TransactionOptions;
  /** Is told after each batch. */
  report?: (progress: BatchProgress) => void;
}

/** What the batches did, earlier runs included. */
export interface BatchOutcome {
  /** Rows that the statement has written. */
  rows: number;
  batches: number;
}

/**
 * Runs a statement batch by batch along the key of a table, a transaction and a checkpoint each. The
 * last batch is open at its end, so that the batches together cover every key there can be. Stopped
 * at any point and called again with the last checkpoint, it does no batch twice.
 * @throws MigratorError MIG062 when the key cannot be walked, MIG063 when row level security would
 * hide the rows, MIG064 when the checkpoint is of another statement, MIG065 when a batch fails:
 * those before it stay committed.
 */
export async function runBatches(
  client: ClientBase,
  directive: BatchDirective,
  statement: Statement,
  options: BatchOptions,
): Promise<BatchOutcome> {
  const { file, saveCheckpoint, transaction = {}, report } = options;
  const place = `${file.file}:${directive.line}`;
  const start = startingPoint(directive, statement, options);
  if (start.finished) return start;

  const { key, estimate } = await inReadOnlyTransaction(client, async () => {
    const walked = await readKey(client, directive, place);
    await refuseHiddenRows(client, [{ ...directive.table, command: "select" }], place);
    await refuseSilentWrites(client, statement, file);
    return { key: walked, estimate: await estimateKeys(client, walked) };
  });
  const context = { client, directive, statement, file, key };
  const pace = new Pace(directive, start.size);
  // While a batch waits for one row, others wait for the rows that it has.
  const lockTimeoutMs = Math.min(
    transaction.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
    directive.targetMs,
  );
  const startedAt = Date.now();

  for (let done = start; ;) {
    let tries = 0;
    let beganAt = 0;
    const batch = async () => {
      tries += 1;
      if (tries > 1) pace.halve();
      beganAt = Date.now();
      const next = await runBatch(context, done, pace.size);
      await saveCheckpoint(client, next);
      return next;
    };
    try {
      done = await inTransaction(client, batch, { ...transaction, lockTimeoutMs });
    } catch (error) {
      if (!isStatementTimeout(error) || pace.size === 1) throw batchError(error, done, place);
      pace.halve();
      continue;
    }
    pace.took(Date.now() - beganAt);
    report?.(progressOf(done, start, estimate, Date.now() - startedAt));
    if (done.finished) return { rows: done.rows, batches: done.batches };
    await sleep(directive.pauseMs);
  }
}

interface BatchContext {
  client: ClientBase;
  directive: BatchDirective;
  statement: Statement;
  file: SqlFile;
  key: WalkedKey;
}

/** Runs one batch, in the transaction that the connection is in. */
async function runBatch(
  { client, directive, statement, file, key }: BatchContext,
  done: BatchCheckpoint,
  size: number,
): Promise<BatchCheckpoint> {
  const page = await readPage(client, key, done.after, size);
  const finished = page.keys < size;
  const range = { after: done.after, upTo: finished ? null : page.last };
  const limited = limitStatement(statement, directive.marks, key.columns, range);
  try {
    const { rowCount } = await client.query(limited.sql, limited.values);
    return {
      ...done,
      after: page.last ?? done.after,
      keys: done.keys + page.keys,
      rows: done.rows + (rowCount ?? 0),
      batches: done.batches + 1,
      size,
      finished,
    };
  } catch (error) {
    throw statementError(atOriginalPlace(error, statement, limited), statement, file, GO_ON);
  }
}

/** Where the server saw an error in the limited statement, in the statement as written. */
function atOriginalPlace(
  error: unknown,
  { text }: Statement,
  { sql, originalOffset }: LimitedStatement,
): unknown {
  if (!(error instanceof DatabaseError) || error.position === undefined) return error;
  // The server counts characters, from 1.
  const before = [...sql].slice(0, Number(error.position) - 1).join("");
  error.position = String([...text.slice(0, originalOffset(before.length))].length + 1);
  return error;
}

function isStatementTimeout(error: unknown): boolean {
  const cause = error instanceof MigratorError ? error.cause : error;
  return sqlStateOf(cause) === QUERY_CANCELED && /statement timeout/.test(String(cause));
}

function batchError(error: unknown, { batches, rows }: BatchCheckpoint, place: string): unknown {
  const head =
    `${place}: batch ${batches + 1} failed and was undone; the ${batches} before it are committed and stay ` +
    `(${rows} rows written).`;
  const reason = error instanceof Error ? error.message : String(error);
  const next = reason.endsWith(GO_ON)
    ? []
    : ["Run the migration again: it goes on with this batch."];
  return new MigratorError(CODES.batchFailed, [head, reason, ...next].join("\n"), { cause: error });
}

function progressOf(
  { keys, rows, batches, finished }: BatchCheckpoint,
  start: BatchCheckpoint,
  estimate: number,
  elapsedMs: number,
): BatchProgress {
  const estimatedKeys = finished ? keys : Math.max(keys, estimate);
  const keysPerSecond = ((keys - start.keys) * 1_000) / Math.max(1, elapsedMs);
  const remainingSeconds = keysPerSecond > 0 ? (estimatedKeys - keys) / keysPerSecond : undefined;
  return { keys, estimatedKeys, rows, batches, keysPerSecond, remainingSeconds, finished };
}
