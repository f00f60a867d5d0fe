import {
  type CatalogChanges,
  CatalogReading,
  applyChanges,
  catalogChanges,
  readCatalog,
} from "./catalog";
import { compareCatalogs } from "./drift/compare";
import { refuseDrifted } from "./drift/settle";
import { expectedCatalog, readExpected } from "./expected-catalog";
import { passGate } from "./gate";
import { judgeReading } from "./known-catalog";
import {
  type LogEntry,
  type NewLogEntry,
  type Recorded,
  type StoredSql,
  addLogEntry,
  appendLog,
  ensureLog,
  logExists,
} from "./log";
import { addLockCheck } from "./lock";
import { type Answer, Script } from "./script";
import type { Session } from "./session";
import { NeedsCare } from "./steps/known-tables";
import { addStatements, runSteps } from "./steps/run-steps";
import { splitSteps, statementsOf } from "./steps/split";
import { inScript, inTransaction } from "./transaction";
import { changesUndone } from "./undone-changes";
import type { SqlFile, Trio, TrioDigests } from "./trio";

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
  snapshot?: string | undefined;
  /** Why it was done. */
  note?: string | undefined;
}

/** How a change is made. */
export interface ChangeOptions {
  /** Runs after the work, and can write nothing. */
  verify?: SqlFile;
  /** Whether parts of the change are committed already. @default false */
  inSteps?: boolean;
  /** Whether what somebody has undone by hand of the migration counts as undone by this. @default false */
  undone?: boolean;
  /** Is asked before the commit about what changed in the catalog; throws to refuse it. */
  judge?: (changes: CatalogChanges) => void;
}

/**
 * What a change does, in the transaction that the script is of: it adds statements to the script, or
 * runs what is in it and then uses the connection. Is given the catalog as it is before, and whether to
 * hope that it is to be had at once. Throws {@link NeedsCare} where it is not, and is called again.
 */
export type Work = (script: Script, known: CatalogReading, isHopeful: boolean) => Promise<void>;

/**
 * Makes a change in one transaction: the work, the gate, the log entry.
 * @param failed what a first try of it failed with, if there was one.
 * @throws MigratorError MIG006 when a table would be left without row level security; whatever the work
 * throws. Nothing is committed then.
 */
export async function commitChange(
  session: Session,
  change: Change,
  work: Work,
  options: ChangeOptions = {},
  failed?: { error: unknown },
): Promise<LogEntry> {
  const attempt = (isHopeful: boolean, before?: { error: unknown }) =>
    inScript(
      session.client,
      (script) =>
        prepareChange(session, change, (...of) => work(...of, isHopeful), script, options),
      session.transaction,
      before,
    );
  const prepared = await attempt(true, failed).catch((error: unknown) => {
    if (error instanceof NeedsCare) return attempt(false);
    throw error;
  });
  prepared.accept();
  return entryOf(prepared);
}

/** The log entry of a change that is committed. */
export function entryOf({ entry, recorded }: PreparedChange): LogEntry {
  const [row] = recorded.rows;
  if (!row) throw new Error("The log took an entry and returned no row.");
  return { ...entry, ...row };
}

/** A change that was made and judged; its log entry is on its way, the commit is missing. */
export interface PreparedChange {
  entry: Omit<LogEntry, keyof Recorded>;
  recorded: Answer<Recorded>;
  /** Takes the change over into what the session knows of the catalog. */
  accept: () => void;
}

/**
 * Makes a change but for its commit, in the transaction that the script begins. Who commits is told then
 * of what verify or the log entry failed with.
 * @throws as {@link commitChange}.
 */
export async function prepareChange(
  session: Session,
  change: Change,
  work: (script: Script, known: CatalogReading) => Promise<void>,
  script: Script,
  { verify, inSteps = false, undone = false, judge }: ChangeOptions,
): Promise<PreparedChange> {
  const { client } = session;
  if (session.known === undefined) await script.run();
  const isFirst = session.known === undefined && !(await logExists(client));
  const known =
    session.known ?? (await judgeReading(session.gate, await CatalogReading.take(client)));
  if (isFirst) await ensureLog(client);
  await work(script, known.reading);
  session.transaction.signal?.throwIfAborted();
  const refuseLostLock = addLockCheck(script, session.keeper);
  const read = known.reading.addStep(script);
  const answered = script.send();
  // What verify does leaves no trace, so what changed is read before.
  if (verify) {
    await addVerify(script, verify);
    void script.send();
  }
  await answered;
  refuseLostLock();
  const step = await read();
  const after = () => applyChanges(known.reading.catalog, step.changes);
  const undoneBefore = undone ? await changesUndone(client, change.version, after()) : {};
  const { snapshot, note, ...facts } = change;
  // What verify fails with is told before the server refuses a question behind it.
  if (inSteps) await script.run();
  const expected = inSteps ? await readExpected(client) : undefined;
  if (expected) {
    const drifts = compareCatalogs(expected.made, known.reading.catalog);
    refuseDrifted(drifts, step.changes, change.name);
  }
  const made: NewLogEntry & { catalogDigest: string } = {
    ...facts,
    ...(snapshot !== undefined && { snapshot }),
    ...(note !== undefined && { note }),
    catalogDigestBefore: known.reading.digest,
    catalogDigest: step.digest,
    catalogChanges: {
      ...(expected
        ? catalogChanges(expected.recorded, applyChanges(expected.made, step.changes))
        : isFirst
          ? catalogChanges(new Map(), after())
          : step.changes),
      ...undoneBefore,
    },
  };
  const recorded = addLogEntry(script, made);
  // The commit alone waits for the judgement: the gate judges while the server is at verify and at this.
  void script.send();
  const findings = session.gate.judgeAfter(
    known.findings,
    known.reading.catalog,
    step.changes,
    known.reading.mentions,
  );
  passGate(findings, change.name);
  judge?.(step.changes);
  const { version, name, event, applied, digests } = change;
  const { catalogDigest } = made;
  const entry = { version, name, event, applied, digests, catalogDigest };
  const accept = () => {
    known.reading.accept(step);
    session.known = { reading: known.reading, findings };
  };
  return { entry: { ...entry, snapshot: snapshot ?? null }, recorded, accept };
}

/**
 * Runs a file that is not one transaction, step by step; a run that was cut off goes on where it was.
 * The change itself is committed by {@link commitChange} afterwards.
 * @param newest the migration's newest log entry, if any.
 */
export async function runInSteps(
  session: Session,
  file: SqlFile,
  change: Change,
  newest: LogEntry | undefined,
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
            await ensureLog(client);
            const { digests, sql } = change;
            const begin = { event, applied: event === "begin rollback", version, name } as const;
            const entry = { ...begin, digests, durationMs: 0, ...(sql && { sql }) };
            return (await appendLog(client, entry)).id;
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
    gate: async () => {
      const catalog = await readCatalog(client, expected);
      passGate(session.gate.judge(catalog), name);
      await demandLock();
      return catalog;
    },
  });
}

const NOT_AS_PROMISED =
  "Nothing was written. The database is not what the migration promises: put right what differs.";

/** Runs a verify file, which can write nothing: it raises, or leaves no trace. */
export async function runVerify({ client }: Pick<Session, "client">, file: SqlFile): Promise<void> {
  const script = new Script(client);
  await addVerify(script, file, NOT_AS_PROMISED);
  await script.run();
}

/** As {@link runVerify}, in the next message of a script. */
export async function addVerify(script: Script, file: SqlFile, outcome?: string): Promise<void> {
  const statements = statementsOf(await splitSteps(file));
  script.add("savepoint verify");
  script.add("set local transaction_read_only = on");
  await addStatements(script, statements, file, outcome);
  script.add("rollback to savepoint verify");
  script.add("release savepoint verify");
}
