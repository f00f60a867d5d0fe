import type { CatalogChanges } from "../catalog";
import { type MigrationName, type Work, commitChange, runInSteps } from "./change";
import type { ConnectionSettings } from "../database/settings";
import type { Drift } from "../judge/drift";
import { refuseDriftBefore, refuseDrifted, settleDrift } from "./heal/settle";
import { recordingFailure } from "./failure";
import { isPresent, refuseOutOfOrder } from "../log/history";
import { type LogEntry, readLog, readRollbacks } from "../log/log";
import { refuseLoss } from "./rollback-loss";
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
 * @throws MigratorError MIG005 when a statement fails, MIG009 when a later migration is still applied,
 * MIG017 when rows would be lost, MIG076 when it changes what is not as the migrations made it and could
 * not be put right. Nothing is committed then.
 */
export async function rollbackMigration(
  settings: ConnectionSettings,
  migration: MigrationName,
  options: RollbackOptions = {},
): Promise<void> {
  await withSession(settings, sessionOf(options), async (session) => {
    const log = await readLog(session.client);
    const known = log.find(({ version }) => version === migration.version);
    // Another took its place: what it made is the other's now.
    if (!known || !isPresent(known) || known.name !== migration.name) return;
    refuseOutOfOrder(log, migration);
    const drifts = await settleDrift(session, log);
    const stored = await readRollbacks(session.client, [known]);
    await rollBack(session, known, stored, { ...options, drifts });
  });
}

/**
 * Undoes all migrations above a version, newest first, under one lock; half applied ones, too.
 * @param target version of the newest migration to keep, undefined to keep none.
 * @returns names of those that were undone.
 * @throws as {@link rollbackMigration}; those undone before the one that fails stay undone.
 */
export async function rollbackTo(
  settings: ConnectionSettings,
  target: string | undefined,
  options: RollbackOptions = {},
): Promise<string[]> {
  return withSession(settings, sessionOf(options), async (session) => {
    const log = await readLog(session.client);
    const isKept = ({ version }: LogEntry) => target !== undefined && isWanted(version, target);
    const surplus = log.filter((entry) => isPresent(entry) && !isKept(entry)).reverse();
    if (surplus.length === 0) return [];
    const drifts = await settleDrift(session, log);
    const stored = await readRollbacks(session.client, surplus);
    for (const [index, entry] of surplus.entries()) {
      session.report(`${entry.name}: rolling back (${index + 1} of ${surplus.length})`);
      await rollBack(session, entry, stored, { ...options, drifts });
    }
    return surplus.map(({ name }) => name);
  });
}

/** The loss that is allowed is told to the rollback files, too, which may refuse by themselves. */
function sessionOf({
  allowDataLoss = false,
  transaction,
  ...options
}: RollbackOptions): SessionOptions {
  return { ...options, transaction: { ...transaction, allowDataLoss } };
}

async function rollBack(
  session: Session,
  known: LogEntry,
  stored: ReadonlyMap<string, string>,
  { allowDataLoss = false, drifts }: RollbackOptions & { drifts: readonly Drift[] },
): Promise<void> {
  const { version, name, digests } = known;
  const sql = stored.get(version);
  if (sql === undefined) throw new Error(`The log holds no SQL of ${name}.`);
  const file = { file: `${name}_rollback.sql (as applied)`, sql };
  const steps = await splitSteps(file);
  const statements = statementsOf(steps);
  const inSteps = !isOneTransaction(steps);
  if (inSteps) refuseDriftBefore(drifts, name);
  const change = { event: "rollback", applied: false, version, name, digests } as const;
  const work: Work = async (script) => {
    if (inSteps) return;
    await lockAhead(script, statements, file);
    if (!allowDataLoss) await refuseLoss(script, statements, file);
    await addStatements(script, statements, file);
  };
  const judge = (changes: CatalogChanges) => refuseDrifted(drifts, changes, name);
  // Without drift, nobody has.
  const undone = drifts.length > 0;
  await recordingFailure(session, known, async () => {
    const stepsBeganMs = inSteps ? Date.now() : undefined;
    if (inSteps) {
      // Once some of it is undone, the rest has to follow.
      if (!allowDataLoss && known.event !== "begin rollback") {
        const demandNoLoss = (script: Script) => refuseLoss(script, statements, file);
        await inScript(session.client, demandNoLoss, session.transaction);
      }
      await runInSteps(session, file, change, known);
    }
    await commitChange(session, change, work, { stepsBeganMs, undone, judge });
  });
}
