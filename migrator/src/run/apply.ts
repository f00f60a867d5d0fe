import type { Catalog, CatalogChanges } from "../catalog";
import { type Change, type Work, commitChange, runInSteps } from "./change";
import type { ConnectionSettings } from "../database/settings";
import { closeDatabase, isDatabaseClosed } from "./database-access";
import type { Drift } from "../judge/drift";
import { refuseDriftBefore, refuseDrifted, settleDrift } from "./heal/settle";
import { CODES, MigratorError } from "../errors";
import { recordingFailure } from "./failure";
import { compareHistory, refuseEditedTrio, refuseOutOfOrder } from "../log/history";
import { type LogEntry, appliedEntry, readLog } from "../log/log";
import type { Script } from "../database/script";
import { type Session, type SessionOptions, withSession } from "./session";
import { lockAhead } from "./steps/lock-ahead";
import { addStatements } from "./steps/run-steps";
import { isOneTransaction, splitSteps, statementsOf } from "../sql/split";
import { type Trio, type TrioDigests, inspectTrio } from "../files/trio";

/** How migrations are applied. */
export interface RunOptions extends SessionOptions {
  /** Roles that may connect to the database beside its owner; PUBLIC may not. @default none */
  connectRoles?: string[];
  /**
   * Is asked under the lock before the first change of a run; throws to refuse it. Gives the name of a
   * snapshot when it took one.
   */
  beforeChange?: (session: Session, pending: readonly Trio[]) => Promise<string | undefined>;
}

/** Which migrations are applied, and how. */
export interface PendingOptions extends RunOptions {
  /** Version of the newest one to apply. @default all */
  target?: string | undefined;
}

/**
 * Applies a migration: forward file, verify file, catalog gate and log entry in one transaction. A file
 * that holds what cannot run in one is done step by step, and the last transaction verifies it and
 * enters it into the log. One that the log knows as applied, with the same SQL, is left as it is.
 * @returns the log entry of the application.
 * @throws MigratorError MIG005 when a statement or the verify file fails, MIG006 when a table would be
 * left without row level security, MIG008 when it was applied with other SQL, MIG009 when a later one
 * is applied already, MIG076 when it changes what is not as the migrations made it and could not be put
 * right. Nothing is committed then, but the steps of a file that has several.
 */
export async function applyMigration(
  settings: ConnectionSettings,
  trio: Trio,
  options: RunOptions = {},
): Promise<LogEntry> {
  const digests = await inspectTrio(trio);
  return withSession(settings, options, async (session) => {
    const log = await readLog(session.client);
    const known = appliedEntry(log, trio.version);
    if (known) {
      await refuseEditedTrio(session.client, known, trio);
      return known;
    }
    refuseOutOfOrder(log, trio);
    const snapshot = await options.beforeChange?.(session, [trio]);
    const drifts = await settleDrift(session, log);
    return apply(session, trio, digests, log, { ...options, snapshot, drifts });
  });
}

/** As `applyPending`, without a look whether any is due. */
export async function applyAll(
  settings: ConnectionSettings,
  trios: readonly Trio[],
  { target, ...options }: PendingOptions,
): Promise<LogEntry[]> {
  return withSession(settings, options, async (session) => {
    const log = await readLog(session.client);
    const { pending } = await compareHistory(session.client, log, trios, target);
    const snapshot = await options.beforeChange?.(session, pending);
    const drifts = pending.length > 0 ? await settleDrift(session, log) : [];
    if (pending.length === 0) return [];
    const entries: LogEntry[] = [];
    for (const trio of pending) {
      const digests = await inspectTrio(trio);
      session.report(`${trio.name}: applying (${entries.length + 1} of ${pending.length})`);
      entries.push(await apply(session, trio, digests, log, { ...options, snapshot, drifts }));
    }
    return entries;
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
  return withSession(settings, options, async (session) => {
    const { client } = session;
    const known = appliedEntry(await readLog(client), trio.version);
    if (!known) {
      throw new MigratorError(
        CODES.notApplied,
        `${trio.name} is not applied to this database, though the stack's state says so. ` +
          "Is it the database that the state belongs to? `pulumi refresh` takes over what is there.",
      );
    }
    await refuseEditedTrio(client, known, trio);
    if (sameFiles(known.digests, digests)) return known;
    const work: Work = (script, catalog) =>
      addDatabaseAccess(script, catalog, options.connectRoles ?? []);
    const change = changeOf("amend", trio, digests);
    return commitChange(session, change, work, { verify: trio.verify });
  });
}

interface ApplyOptions extends RunOptions {
  snapshot: string | undefined;
  /** What is not as the migrations made it, and could not be repaired. */
  drifts: readonly Drift[];
}

async function apply(
  session: Session,
  trio: Trio,
  digests: TrioDigests,
  log: readonly LogEntry[],
  { connectRoles = [], snapshot, drifts }: ApplyOptions,
): Promise<LogEntry> {
  const { name, forward, verify } = trio;
  const change = {
    ...changeOf("apply", trio, digests),
    ...(snapshot !== undefined && { snapshot }),
  };
  const steps = await splitSteps(forward);
  const inSteps = !isOneTransaction(steps);
  if (inSteps) refuseDriftBefore(drifts, name);
  const work: Work = async (script, catalog) => {
    await addDatabaseAccess(script, catalog, connectRoles);
    if (inSteps) return;
    const statements = statementsOf(steps);
    await lockAhead(script, statements, forward);
    await addStatements(script, statements, forward);
  };
  const judge = (changes: CatalogChanges) => refuseDrifted(drifts, changes, name);
  return recordingFailure(session, trio, async () => {
    const stepsBeganMs = inSteps ? Date.now() : undefined;
    const newest = log.find(({ version }) => version === trio.version);
    if (inSteps) await runInSteps(session, forward, change, newest);
    return commitChange(session, change, work, { verify, stepsBeganMs, judge });
  });
}

async function addDatabaseAccess(
  script: Script,
  catalog: Catalog,
  connectRoles: string[],
): Promise<void> {
  if (isDatabaseClosed(catalog, connectRoles)) return;
  await script.run();
  await closeDatabase(script.client, connectRoles);
}

/** The change that brings a migration of files. */
export function changeOf(event: Change["event"], trio: Trio, digests: TrioDigests): Change {
  const { version, name, forward, rollback, verify } = trio;
  const sql = { forward: forward.sql, rollback: rollback.sql, verify: verify.sql };
  return { event, applied: true, version, name, digests, sql };
}

function sameFiles(a: TrioDigests, b: TrioDigests): boolean {
  return a.verify.text === b.verify.text && a.rollback.text === b.rollback.text;
}
