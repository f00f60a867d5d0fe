import { type Finding, loadParser } from "@app-data/rules";
import {
  type Catalog,
  type CatalogChanges,
  type CatalogStep,
  CatalogReading,
  type GrantedRelations,
  applyChanges,
  catalogChanges,
  readCatalog,
} from "./catalog";
import { expectedCatalog } from "./expected-catalog";
import { judgeAfter, judgeCatalog, passGate } from "./gate";
import {
  type LogEntry,
  type NewLogEntry,
  type StoredSql,
  appendLog,
  ensureLog,
  logExists,
} from "./log";
import type { Session } from "./session";
import { runStatements, runSteps } from "./steps/run-steps";
import { splitSteps } from "./steps/split";
import { inTransaction } from "./transaction";
import type { SqlFile, Trio, TrioDigests } from "./trio";

/** A migration by name; its files may be gone. */
export type MigrationName = Pick<Trio, "version" | "name">;

/** What the log is to say of a change of one migration. */
export interface Change extends MigrationName {
  event: "apply" | "amend" | "rollback" | "baseline" | "repair";
  /** Whether the migration is in the database afterwards. */
  applied: boolean;
  digests: TrioDigests;
  sql: StoredSql;
  /** Snapshot that was taken before. */
  snapshot?: string | undefined;
  /** Why it was done. */
  note?: string | undefined;
}

/** What a run knows of the catalog, so that not all of it is read again for each migration. */
export interface KnownCatalog {
  reading: CatalogReading;
  /** What mandatory rules find in it. */
  findings: readonly Finding[];
}

/** How a change is made. */
export interface ChangeOptions {
  /** Whether parts of the change are committed already. @default false */
  inSteps?: boolean;
  /** Where its statements change rights; found out from the catalog when it is not given. */
  granted?: GrantedRelations;
  /** Is asked before the commit about what changed in the catalog; throws to refuse it. */
  judge?: (changes: CatalogChanges) => void;
}

/**
 * Makes a change in one transaction: the work, the gate, the log entry.
 * @throws MigratorError MIG006 when a table would be left without row level security; whatever the work
 * throws. Nothing is committed then.
 */
export async function commitChange(
  session: Session,
  change: Change,
  work: () => Promise<void>,
  options: ChangeOptions = {},
): Promise<LogEntry> {
  const { entry, known, step, findings } = await inTransaction(
    session.client,
    () => prepareChange(session, change, work, options),
    session.transaction,
  );
  known.reading.accept(step);
  session.known = { reading: known.reading, findings };
  return entry;
}

interface PreparedChange {
  entry: LogEntry;
  known: KnownCatalog;
  step: CatalogStep;
  findings: readonly Finding[];
}

async function prepareChange(
  session: Session,
  change: Change,
  work: () => Promise<void>,
  { inSteps = false, granted, judge }: ChangeOptions,
): Promise<PreparedChange> {
  const { client } = session;
  const started = Date.now();
  const known = session.known ?? (await takeCatalog(session));
  const isFirst = !(await logExists(client));
  if (isFirst) await ensureLog(client);
  await work();
  const step = await known.reading.step(client, isFirst ? undefined : granted);
  const findings = judgeAfter(known.findings, known.reading.catalog, step.changes);
  passGate(findings, change.name);
  judge?.(step.changes);
  const { snapshot, note, ...facts } = change;
  const base = isFirst ? new Map() : inSteps ? await expectedCatalog(client) : undefined;
  const made: NewLogEntry & { catalogDigest: string } = {
    ...facts,
    ...(snapshot !== undefined && { snapshot }),
    ...(note !== undefined && { note }),
    durationMs: Date.now() - started,
    catalogDigestBefore: known.reading.digest,
    catalogDigest: step.digest,
    catalogChanges: base ? changesFrom(base, known.reading, step) : step.changes,
  };
  await session.demandLock();
  const recorded = await appendLog(client, made);
  const { version, name, event, applied, digests } = change;
  const { durationMs, catalogDigest } = made;
  const entry = {
    ...recorded,
    version,
    name,
    event,
    applied,
    digests,
    durationMs,
    catalogDigest,
    snapshot: snapshot ?? null,
  };
  return { entry, known, step, findings };
}

async function takeCatalog({ client }: Session): Promise<KnownCatalog> {
  await loadParser();
  const reading = await CatalogReading.take(client);
  return { reading, findings: judgeCatalog(reading.catalog) };
}

/** The changes since another catalog: since none at all, or since before steps that are committed. */
function changesFrom(base: Catalog, reading: CatalogReading, { changes }: CatalogStep) {
  return catalogChanges(base, applyChanges(reading.catalog, changes));
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
            return (await appendLog(client, { ...begin, digests, sql, durationMs: 0 })).id;
          },
          transaction,
        );
  session.known = undefined;
  await runSteps({
    client,
    file,
    steps: await splitSteps(file),
    run: { run, version, name },
    transaction,
    report,
    demandLock,
    gate: async () => {
      passGate(judgeCatalog(await readCatalog(client)), name);
      await demandLock();
    },
  });
}

/** Runs a verify file, which can write nothing: it raises, or leaves no trace. */
export async function runVerify({ client }: Pick<Session, "client">, file: SqlFile): Promise<void> {
  const statements = (await splitSteps(file)).flatMap((step) =>
    step.kind === "transaction" ? step.statements : [step.statement],
  );
  await client.query("savepoint verify; set local transaction_read_only = on");
  await runStatements(client, statements, file);
  await client.query("rollback to savepoint verify; release savepoint verify");
}
