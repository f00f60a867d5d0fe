import type { ClientBase } from "pg";
import { splitStatements } from "@app-data/rules";
import { readAttestation } from "./attest";
import { type ConnectionSettings, withConnection } from "./connection";
import { closeDatabase } from "./database-access";
import { MigratorError } from "./errors";
import { passGate } from "./gate";
import { type LockOptions, withMigrationLock } from "./lock";
import { type LogEntry, type LogEvent, appendLog, ensureLog, isApplied, readLog } from "./log";
import { statementError } from "./statement-error";
import { type TransactionOptions, inReadOnlyTransaction, inTransaction } from "./transaction";
import { type SqlFile, type Trio, type TrioDigests, inspectTrio } from "./trio";

/** How a migration is run. */
export interface RunOptions {
  /** Roles that may connect to the database beside its owner; PUBLIC may not. @default none */
  connectRoles?: string[];
  lock?: LockOptions;
  transaction?: TransactionOptions;
}

/** How a migration is undone. */
export interface RollbackOptions extends RunOptions {
  /** Goes on although rows are lost that no other migration can bring back. @default false */
  allowDataLoss?: boolean;
}

/** What a rollback needs to know; the migration's files may be gone. */
export type AppliedMigration = Pick<Trio, "version" | "name" | "rollback">;

/** Why and how the log changed. */
interface Change {
  event: LogEvent;
  migration: AppliedMigration;
  digests: TrioDigests;
  /** Does the work; the gate, the log entry and the commit follow. */
  work: () => Promise<void>;
}

/**
 * Applies a migration: forward file, verify file, catalog gate and log entry in one transaction. One
 * that the log knows as applied, with the same SQL, is left as it is.
 * @returns the log entry of the application.
 * @throws MigratorError MIG005 when a statement or the verify file fails, MIG006 when a table would be
 * left without row level security, MIG008 when it was applied with other SQL, MIG009 when a later one
 * is applied already. Nothing is committed then.
 */
export async function applyMigration(
  settings: ConnectionSettings,
  trio: Trio,
  options: RunOptions = {},
): Promise<LogEntry> {
  const digests = await inspectTrio(trio);
  return exclusively(settings, options, async (client) => {
    const log = await readLog(client);
    const known = entryOf(log, trio.version);
    if (isApplied(known)) {
      refuseEdited(known, trio.name, digests);
      return known;
    }
    refuseOutOfOrder(log, trio);
    const work = async () => {
      await closeDatabase(client, options.connectRoles ?? []);
      await runFile(client, trio.forward);
      await runVerify(client, trio.verify);
    };
    return commitChange(client, { event: "apply", migration: trio, digests, work });
  });
}

/**
 * Records new verify and rollback files of an applied migration, after the new verify file has passed.
 * @throws MigratorError MIG008 when its forward SQL was edited, MIG010 when it is not applied.
 */
export async function amendMigration(
  settings: ConnectionSettings,
  trio: Trio,
  options: RunOptions = {},
): Promise<LogEntry> {
  const digests = await inspectTrio(trio);
  return exclusively(settings, options, async (client) => {
    const known = entryOf(await readLog(client), trio.version);
    if (!isApplied(known)) {
      throw new MigratorError(
        "MIG010",
        `${trio.name} is not applied to this database, though the stack's state says so. ` +
          "Is it the database that the state belongs to? Remove the migration from the state to apply it.",
      );
    }
    refuseEdited(known, trio.name, digests);
    if (sameFiles(known.digests, digests)) return known;
    const work = async () => {
      await closeDatabase(client, options.connectRoles ?? []);
      await runVerify(client, trio.verify);
    };
    return commitChange(client, { event: "amend", migration: trio, digests, work });
  });
}

/**
 * Undoes a migration with its rollback SQL: rollback, catalog gate and log entry in one transaction.
 * One that is not applied is left as it is.
 * @throws MigratorError MIG005 when a statement fails or rows would be lost, MIG009 when a later
 * migration is still applied. Nothing is committed then.
 */
export async function rollbackMigration(
  settings: ConnectionSettings,
  migration: AppliedMigration,
  options: RollbackOptions = {},
): Promise<void> {
  await exclusively(settings, options, async (client) => {
    const log = await readLog(client);
    const known = entryOf(log, migration.version);
    if (!isApplied(known)) return;
    refuseOutOfOrder(log, migration);
    const work = async () => {
      if (options.allowDataLoss) await client.query("set local app_data.allow_data_loss = 'on'");
      await runFile(client, migration.rollback);
    };
    const { digests } = known;
    await commitChange(client, { event: "rollback", migration, digests, work });
  });
}

/** What the log says of each migration that it knows, by version. Writes nothing, takes no lock. */
export function readHistory(settings: ConnectionSettings): Promise<LogEntry[]> {
  return withConnection(settings, (client) => inReadOnlyTransaction(client, () => readLog(client)));
}

/**
 * Refuses a forward file whose SQL differs from what was applied.
 * @throws MigratorError MIG008 that names both digests.
 */
export function refuseEdited(
  applied: { digests: TrioDigests },
  name: string,
  digests: TrioDigests,
): void {
  const [before, now] = [applied.digests.forward, digests.forward];
  if (before.content === now.content) return;
  throw new MigratorError(
    "MIG008",
    `${name} was edited after it was applied (applied SHA-256 ${before.text}, file ${now.text}). ` +
      "Restore the file, and write the change as a new migration.",
  );
}

function exclusively<T>(
  settings: ConnectionSettings,
  { lock, transaction }: RunOptions,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  return withConnection(settings, (client) =>
    withMigrationLock(client, () => inTransaction(client, () => work(client), transaction), lock),
  );
}

async function commitChange(
  client: ClientBase,
  { event, migration, digests, work }: Change,
): Promise<LogEntry> {
  const started = Date.now();
  await ensureLog(client);
  const before = await readAttestation(client);
  await work();
  const after = await readAttestation(client);
  passGate(after.schema, migration.name);
  const entry = {
    event,
    version: migration.version,
    name: migration.name,
    digests,
    rollbackSql: migration.rollback.sql,
    durationMs: Date.now() - started,
    catalogDigest: after.digest,
  };
  await appendLog(client, { ...entry, catalogDigestBefore: before.digest });
  return { ...entry, recordedAt: new Date(started).toISOString() };
}

async function runFile(client: ClientBase, file: SqlFile): Promise<void> {
  for (const statement of await splitStatements(file.sql, file.file)) {
    try {
      await client.query(statement.text);
    } catch (error) {
      throw statementError(error, statement, file);
    }
  }
}

/** Runs a verify file, which can write nothing: it raises, or leaves no trace. */
async function runVerify(client: ClientBase, file: SqlFile): Promise<void> {
  await client.query("savepoint verify; set local transaction_read_only = on");
  await runFile(client, file);
  await client.query("rollback to savepoint verify; release savepoint verify");
}

function entryOf(log: LogEntry[], version: string): LogEntry | undefined {
  return log.find((entry) => entry.version === version);
}

function refuseOutOfOrder(log: LogEntry[], { version, name }: AppliedMigration): void {
  const later = log.filter((entry) => entry.version > version && isApplied(entry));
  if (later.length === 0) return;
  throw new MigratorError(
    "MIG009",
    `${name} can be neither applied nor rolled back while later migrations are applied ` +
      `(${later.map((entry) => entry.name).join(", ")}). Roll those back first, newest first.`,
  );
}

function sameFiles(a: TrioDigests, b: TrioDigests): boolean {
  return a.verify.text === b.verify.text && a.rollback.text === b.rollback.text;
}
