import type { ClientBase } from "pg";
import {
  type Catalog,
  type CatalogChanges,
  CatalogReading,
  type CatalogStep,
  applyChanges,
  catalogChanges,
  catalogDigest,
  readCatalog,
} from "../catalog";
import { compareCatalogs } from "../judge/drift/compare";
import { refuseDrifted } from "./heal/settle";
import { expectedCatalog, readExpected } from "../log/expected-catalog";
import { notCommitted, passGate } from "../judge/gate";
import { type KnownCatalog, judgeReading } from "../judge/known-catalog";
import {
  type LogEntry,
  type Recorded,
  type StoredSql,
  addLogEntry,
  appendLog,
  ensureLog,
  logExists,
} from "../log/log";
import { type Answer, Script } from "../database/script";
import type { Session } from "./session";
import { addStatements, runSteps } from "./steps/run-steps";
import { splitSteps, statementsOf } from "../sql/split";
import { RUN_DEFERRED, inScript, inTransaction } from "../database/transaction";
import { refuseOwnTables } from "./own-tables";
import { type Making, changesUndone } from "../log/making";
import { addFoundCatalog } from "../log/journal";
import type { SqlFile, Trio, TrioDigests } from "../files/trio";

/** A migration by name; its files may be gone. */
export type MigrationName = Pick<Trio, "version" | "name">;

/** What the log is to say of a change of one migration. */
export interface Change extends MigrationName {
  event: "apply" | "amend" | "rollback" | "baseline" | "repair";
  /** Whether the migration is in the database afterwards. */
  applied: boolean;
  digests: TrioDigests;
  /** Of the files; a rollback leaves it to the entry of what it undoes. */
  sql?: StoredSql;
  /** Snapshot that was taken before. */
  snapshot?: string;
  /** Why it was done. */
  note?: string;
}

/** How a change is made. */
export interface ChangeOptions {
  /** Runs after the work, and can write nothing. */
  verify?: SqlFile;
  /**
   * When the first part was begun of a change that has several, all but the last of which are committed
   * already, as `Date.now` tells it. @default it is one transaction
   */
  stepsBeganMs?: number | undefined;
  /**
   * What the migration had made that this undoes: what somebody has undone of it by hand counts as undone by
   * this. @default nothing
   */
  undoes?: Making | undefined;
  /** Is asked before the commit about what changed in the catalog; throws to refuse it. */
  judge?: (changes: CatalogChanges, catalogAfter: () => Catalog) => void;
}

/**
 * What a change does, in the transaction that the script is of: it adds statements to the script, or
 * runs what is in it and then uses the connection. Is given the catalog as it is before.
 */
export type Work = (script: Script, catalog: Catalog) => Promise<void>;

/**
 * Makes a change in one transaction: the work, verify, the gate, the log entry.
 * @throws MigratorError MIG006 when a table would be left without row level security; whatever the work
 * throws. Nothing is committed then.
 */
export async function commitChange(
  session: Session,
  change: Change,
  work: Work,
  options: ChangeOptions = {},
): Promise<LogEntry> {
  const { entry, recorded, known, step } = await inScript(
    session.client,
    (script) => makeChange(session, change, work, script, options),
    session.transaction,
  );
  known.reading.accept(step);
  session.known = known;
  const [row] = recorded.rows;
  if (!row) throw new Error("The log took an entry and returned no row.");
  return { ...entry, ...row };
}

/** A change that was made and judged; its log entry is in the script, which commits it. */
interface MadeChange {
  entry: Omit<LogEntry, keyof Recorded>;
  recorded: Answer<Recorded>;
  /** What is known of the catalog once the step is accepted. */
  known: KnownCatalog;
  step: CatalogStep;
}

async function makeChange(
  session: Session,
  change: Change,
  work: Work,
  script: Script,
  { verify, stepsBeganMs, undoes, judge }: ChangeOptions,
): Promise<MadeChange> {
  const { client, gate } = session;
  if (session.known === undefined) await script.run();
  const isFirst = session.known === undefined && !(await logExists(client));
  const { reading, findings } =
    session.known ?? (await judgeReading(gate, await CatalogReading.take(client)));
  if (isFirst) await ensureLog(client);

  await work(script, reading.catalog);
  script.add(RUN_DEFERRED);
  session.transaction.signal?.throwIfAborted();
  const refuseLostLock = session.addLockCheck(script);
  const readStep = reading.addStep(script);
  // What verify does leaves no trace, so what changed is the same before and after.
  if (verify) await addVerify(script, verify);
  await script.run();
  refuseLostLock();
  const step = await readStep();

  if (!isFirst) refuseOwnTables(step.changes, change.name);
  const after = gate.judgeAfter(findings, reading.catalog, step.changes, reading.mentions);
  passGate(after, notCommitted(change.name));
  const catalogAfter = () => applyChanges(reading.catalog, step.changes);
  judge?.(step.changes, catalogAfter);
  let changes = step.changes;
  if (isFirst) changes = catalogChanges(new Map(), catalogAfter());
  if (stepsBeganMs !== undefined)
    changes = await changesOfAllSteps(client, change.name, reading.catalog, changes);
  if (undoes) {
    const { recorded: expected } = await readExpected(client);
    changes = { ...changes, ...changesUndone(undoes, expected, catalogAfter()) };
  }

  const recorded = addLogEntry(script, {
    ...change,
    ...(stepsBeganMs !== undefined && { durationMs: Date.now() - stepsBeganMs }),
    catalogDigestBefore: reading.digest,
    catalogDigest: step.digest,
    catalogChanges: changes,
  });
  if (isFirst) addFoundCatalog(script, reading.catalog, reading.digest);
  const { version, name, event, applied, digests, snapshot = null } = change;
  const catalogDigest = step.digest;
  return {
    entry: { version, name, event, applied, digests, snapshot, catalogDigest },
    recorded,
    known: { reading, findings: after },
    step,
  };
}

/**
 * What a change of several steps made of the expected catalog.
 * @param before the catalog before its last transaction.
 * @param changes of that.
 * @throws MigratorError MIG076 when it changed what was not as the migrations made it.
 */
async function changesOfAllSteps(
  client: ClientBase,
  name: string,
  before: Catalog,
  changes: CatalogChanges,
): Promise<CatalogChanges> {
  const { recorded, made } = await readExpected(client);
  refuseDrifted(compareCatalogs(made, before), changes, name);
  return catalogChanges(recorded, applyChanges(made, changes));
}

/**
 * Runs a file that is not one transaction, step by step; a run that was cut off goes on where it was.
 * The change itself is committed by {@link commitChange} afterwards.
 * @param newest the migration's newest log entry, if any.
 * @param runStatements runs those of a transaction.
 */
export async function runInSteps(
  session: Session,
  file: SqlFile,
  change: Change,
  newest: LogEntry | undefined,
  runStatements = addStatements,
): Promise<void> {
  const { client, transaction, report, demandLock } = session;
  const { version, name } = change;
  const event = change.event === "rollback" ? "begin rollback" : "begin apply";
  const run =
    newest?.event === event
      ? newest.id
      : await inTransaction(
          client,
          async () => {
            const found = (await logExists(client)) ? undefined : await readCatalog(client);
            await ensureLog(client);
            const { digests, sql } = change;
            const begin = { event, applied: event === "begin rollback", version, name } as const;
            const entry = { ...begin, digests, durationMs: 0, ...(sql && { sql }) };
            const { id } = await appendLog(client, entry);
            const script = new Script(client);
            if (found) addFoundCatalog(script, found, catalogDigest(found));
            await script.run();
            return id;
          },
          transaction,
        );
  session.known = undefined;
  const expected = await expectedCatalog(client);
  await runSteps({
    client,
    file,
    steps: await splitSteps(file),
    run: { run, version, name },
    transaction,
    report,
    demandLock,
    expected,
    runStatements,
    gate: async () => {
      const catalog = await readCatalog(client, expected);
      passGate(session.gate.judge(catalog), notCommitted(name));
      await demandLock();
      return catalog;
    },
  });
}

const NOT_AS_PROMISED =
  "Nothing was written. The database is not what the migration promises: correct what differs.";

/** Runs a verify file, which can write nothing: it raises, or leaves no trace. */
export async function runVerify({ client }: Pick<Session, "client">, file: SqlFile): Promise<void> {
  const script = new Script(client);
  await addVerify(script, file, NOT_AS_PROMISED);
  await script.run();
}

/** As {@link runVerify}, with what a script sends next. */
async function addVerify(script: Script, file: SqlFile, outcome?: string): Promise<void> {
  const statements = statementsOf(await splitSteps(file));
  script.add("savepoint verify");
  script.add("set local transaction_read_only = on");
  await addStatements(script, statements, file, outcome);
  script.add("rollback to savepoint verify");
  script.add("release savepoint verify");
}
