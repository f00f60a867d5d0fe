import type { Catalog, CatalogChanges } from "../catalog";
import { type MigrationName, type Work, commitChange, runInSteps } from "./change";
import type { ConnectionSettings } from "../database/settings";
import type { Drift } from "../judge/drift";
import { refuseDriftBefore, refuseDrifted, settleDrift } from "./heal/settle";
import { recordingFailure } from "./failure";
import { isPresent, refuseOutOfOrder } from "../log/history";
import { type LogEntry, type StoredSql, readLog, readSql } from "../log/log";
import { type Making, leftBehind, missingAfter, readMakings } from "../log/making";
import { CODES, MigratorError } from "../errors";
import { droppedIn, keptIn } from "../files/rollback-comments";
import { type SqlFile, noRollbackOf } from "../files/trio";
import { refuseNamedLosses, runWithoutLoss } from "./rollback-loss";
import type { Script } from "../database/script";
import { type Session, type SessionOptions, withSession } from "./session";
import { lockAhead } from "./steps/lock-ahead";
import { addStatements } from "./steps/run-steps";
import { isOneTransaction, splitSteps, statementsOf } from "../sql/split";
import { inScript } from "../database/transaction";
import { isWanted } from "../files/version";

/** How a migration is undone. */
export interface RollbackOptions extends SessionOptions {
  /** Goes on although rows are lost that no other migration can bring back. @default false */
  allowDataLoss?: boolean;
}

/**
 * Undoes a migration with the rollback SQL that was stored when it was applied: rollback, catalog gate
 * and log entry in one transaction. One that is not applied is left as it is; of one that is half
 * applied, what it has done so far is undone.
 * @returns whether there was anything to undo.
 * @throws MigratorError MIG005 when a statement fails, MIG009 when a later migration is still applied,
 * MIG017 when rows would be lost, MIG076 when it changes what is not as the migrations made it and could
 * not be repaired, MIG090 when it leaves or takes away what it may not, MIG091 when the migration says that
 * it cannot be undone. Nothing is committed then.
 */
export async function rollbackMigration(
  settings: ConnectionSettings,
  migration: MigrationName,
  options: RollbackOptions = {},
): Promise<boolean> {
  const undone = await inSession(settings, options, (log) => {
    const known = log.find(({ version }) => version === migration.version);
    // Another took its place: what it made is the other's now.
    if (!known || !isPresent(known) || known.name !== migration.name) return [];
    refuseOutOfOrder(log, migration);
    return [known];
  });
  return undone.length > 0;
}

/**
 * Undoes all migrations above a version, newest first, under one lock; half applied ones, too.
 * @param target version of the newest migration to keep, undefined to keep none.
 * @returns names of those that were undone.
 * @throws as {@link rollbackMigration}; those undone before the one that fails stay undone.
 */
export function rollbackTo(
  settings: ConnectionSettings,
  target: string | undefined,
  options: RollbackOptions = {},
): Promise<string[]> {
  const isKept = ({ version }: LogEntry) => target !== undefined && isWanted(version, target);
  return inSession(settings, options, (log) =>
    log.filter((entry) => isPresent(entry) && !isKept(entry)).reverse(),
  );
}

/** @param choose which migrations of the log to undo, in order. @returns their names. */
function inSession(
  settings: ConnectionSettings,
  { allowDataLoss = false, transaction, ...options }: RollbackOptions,
  choose: (log: readonly LogEntry[]) => LogEntry[],
): Promise<string[]> {
  // The rollback files are told of it, too, which may refuse by themselves.
  const limits = { ...transaction, allowDataLoss };
  return withSession(settings, { ...options, transaction: limits }, async (session) => {
    const { client, report } = session;
    const log = await readLog(client);
    const toRollBack = choose(log);
    if (toRollBack.length === 0) return [];
    const sql = await readSql(client, toRollBack);
    for (const entry of toRollBack) refuseIrreversible(entry, sql.get(entry.version));
    const drifts = await settleDrift(session, log);
    const makingOf = await readMakings(client);
    const undone: string[] = [];
    try {
      for (const [index, entry] of toRollBack.entries()) {
        report(`${entry.name}: rolling back (${index + 1} of ${toRollBack.length})`);
        const { rollback } = sql.get(entry.version) ?? {};
        if (rollback === undefined) throw new Error(`The log holds no SQL of ${entry.name}.`);
        const file = { file: `${entry.name}_rollback.sql (as applied)`, sql: rollback };
        await rollBack(session, entry, file, { allowDataLoss, drifts, making: makingOf(entry) });
        undone.push(entry.name);
      }
    } catch (error) {
      reportStaying(undone, report);
      throw error;
    }
    return undone;
  });
}

/** Says, before an error is told, what it does not bring back. */
export function reportStaying(
  rolledBack: readonly string[],
  report: RollbackOptions["report"],
): void {
  if (rolledBack.length === 0) return;
  report?.(`Rolled back before that, and stays so: ${rolledBack.join(", ")}`);
}

interface RollBackOptions {
  allowDataLoss: boolean;
  /** What is not as the migrations made it, and could not be repaired. */
  drifts: readonly Drift[];
  /** What the migration made; undefined when the log does not tell. */
  making: Making | undefined;
}

async function rollBack(
  session: Session,
  known: LogEntry,
  file: SqlFile,
  { allowDataLoss, drifts, making }: RollBackOptions,
): Promise<void> {
  const { version, name, digests } = known;
  const steps = await splitSteps(file);
  const statements = statementsOf(steps);
  const inSteps = !isOneTransaction(steps);
  if (inSteps) refuseDriftBefore(drifts, name);
  const change = { event: "rollback", applied: false, version, name, digests } as const;
  const run = allowDataLoss ? addStatements : runWithoutLoss;
  const work: Work = async (script) => {
    if (inSteps) return;
    await lockAhead(script, statements, file);
    await run(script, statements, file);
  };
  const judge = (changes: CatalogChanges, catalogAfter: () => Catalog) => {
    refuseDrifted(drifts, changes, name);
    if (!making) return;
    const after = catalogAfter();
    refuseLeftBehind(making, after, file);
    refuseMissing(missingAfter(making, changes, after), file);
  };
  // Without drift, nobody has undone anything by hand.
  const undoes = drifts.length > 0 ? making : undefined;
  await recordingFailure(session, known, async () => {
    const stepsBeganMs = inSteps ? Date.now() : undefined;
    if (inSteps) {
      if (!allowDataLoss && known.event !== "begin rollback") {
        const demandNoLoss = (script: Script) => refuseNamedLosses(script, statements, file);
        await inScript(session.client, demandNoLoss, session.transaction);
      }
      await runInSteps(session, file, change, known, run);
    }
    await commitChange(session, change, work, { stepsBeganMs, undoes, judge });
  });
}

/** @throws MigratorError MIG091 when the migration's header says that it cannot be undone. */
function refuseIrreversible({ name }: LogEntry, sql: StoredSql | undefined): void {
  const reason = noRollbackOf(sql?.forward ?? "");
  if (reason === undefined) return;
  throw new MigratorError(
    CODES.noRollback,
    `${name} cannot be undone, as its header says (no-rollback): ${reason}. Nothing was rolled back. Keep ` +
      "it, and write a new migration for what is to change; or restore a snapshot from before it.",
  );
}

const RECORD_IT =
  "Then have the file recorded, by an `up` of the stack with the target as it was, or by " +
  "`npx migrator repair NNN --accept-file`, and roll back again.";

/** @throws MigratorError MIG090 when something that the migration made is still there. */
function refuseLeftBehind(making: Making, after: Catalog, { file, sql }: SqlFile): void {
  const kept = keptIn(sql);
  const left = leftBehind(making, after).filter((name) => !kept.includes(name));
  if (left.length === 0) return;
  throw new MigratorError(
    CODES.leftBehind,
    `${file} leaves what the migration made: ${left.join(", ")}. Its transaction was undone. Drop it in the ` +
      `rollback file, or say there that it stays: \`-- kept: ${left.join(", ")}\`. ${RECORD_IT}`,
  );
}

/** @throws MigratorError MIG090 when a table that was there before the migration is gone. */
function refuseMissing(tables: readonly string[], { file, sql }: SqlFile): void {
  const dropped = droppedIn(sql);
  const missing = tables.filter((name) => !dropped.includes(name));
  if (missing.length === 0) return;
  throw new MigratorError(
    CODES.leftBehind,
    `After ${file} something is gone that was there before the migration: ${missing.join(", ")}. Its ` +
      "transaction was undone. Bring it back in the rollback file, or say there that it stays away: " +
      `\`-- dropped: ${missing.join(", ")}\`. ${RECORD_IT}`,
  );
}
