import { type Statement, significantTokens } from "@app-data/rules";
import { CODES, MigratorError } from "../../errors";
import { type SqlFile, sha256 } from "../../files/trio";
import type { BatchDirective } from "./directive";

// Few at first, because nothing is known yet of how long they take.
const FIRST_SIZE = 500;

/** How far a statement's batches are: what has to be kept to go on after a stop. A JSON value. */
export interface BatchCheckpoint {
  /** SHA-256 of the statement's SQL, its marks and the key that is walked, hexadecimal. */
  statement: string;
  /** The last key that is done, a text a column; null before the first. */
  after: string[] | null;
  /** Keys that are done. */
  keys: number;
  /** Rows that the statement has written. */
  rows: number;
  /** Batches that are committed. */
  batches: number;
  /** Keys that the next batch takes. */
  size: number;
  finished: boolean;
}

/**
 * Digest of a statement in batches: of its SQL without comments and layout, its marks and the key. A
 * checkpoint is of use to a statement with the same digest.
 * @returns SHA-256, hexadecimal.
 */
export function digestBatches({ table, key, marks }: BatchDirective, statement: Statement): string {
  const columns = marks.map((mark) => mark.columns);
  return sha256(JSON.stringify([significantTokens(statement.text), columns, table, key]));
}

/**
 * Where a run starts: at a checkpoint, or before the first key.
 * @throws MigratorError MIG064 when the checkpoint is of a statement with another digest.
 */
export function startingPoint(
  directive: BatchDirective,
  statement: Statement,
  { file, checkpoint }: { file: SqlFile; checkpoint?: BatchCheckpoint },
): BatchCheckpoint {
  const digest = digestBatches(directive, statement);
  if (!checkpoint) {
    const size = Math.min(FIRST_SIZE, directive.size);
    return { statement: digest, after: null, keys: 0, rows: 0, batches: 0, size, finished: false };
  }
  if (checkpoint.statement === digest) return checkpoint;
  throw new MigratorError(
    CODES.editedBatch,
    `${file.file}:${statement.line}: ${checkpoint.batches} batches (${checkpoint.rows} rows written) were ` +
      `committed by another statement (SHA-256 ${checkpoint.statement}) than the file has now ` +
      `(${digest}). Restore the statement, its marks and its key, and the run goes on after them; to ` +
      "start from the first key with the new one, roll the migration back first.",
  );
}
