import type { ClientBase } from "pg";
import { TOOL_VERSION } from "../database/tool-version";
import type { CatalogChanges } from "../catalog";
import { CREATE_BOOKKEEPING } from "./log-tables";
import { operatorName } from "./operator";
import { type Answer, Script, literal } from "../database/script";
import type { TrioDigests } from "../files/trio";
import { compareVersions } from "../files/version";

/**
 * What happened: a migration was applied or rolled back, or a file of several steps began to be; new verify or rollback files were recorded
 * for an applied one (`amend`); it was found in an existing database (`baseline`); a person corrected
 * the record (`repair`); drift was healed (`heal`); something failed and was undone (`failure`).
 */
export type LogEvent =
  | "begin apply"
  | "apply"
  | "amend"
  | "begin rollback"
  | "rollback"
  | "baseline"
  | "repair"
  | "heal"
  | "failure";

/** The newest entry of one migration that says whether it is applied. */
export interface LogEntry {
  /** Grows with each entry. */
  id: number;
  version: string;
  name: string;
  event: LogEvent;
  /** Whether the migration is in the database after the event. */
  applied: boolean;
  digests: TrioDigests;
  /** ISO 8601, UTC. */
  recordedAt: string;
  durationMs: number;
  /** Digest of the catalog after the event. */
  catalogDigest: string;
  /** Snapshot of the instance that was taken before, if any. */
  snapshot: string | null;
}

/** The SQL of a migration as it was recorded; the files may be gone. */
export interface StoredSql {
  forward: string;
  rollback: string;
  /** Null in an entry from before the log kept it. */
  verify: string | null;
}

/** What a new entry says; who and when are filled in where it is written. */
export interface NewLogEntry {
  event: LogEvent;
  /** Undefined when the event does not change whether the migration is applied. */
  applied?: boolean;
  version: string;
  name: string;
  digests?: TrioDigests;
  sql?: StoredSql;
  /** @default the time since the transaction began */
  durationMs?: number;
  catalogDigestBefore?: string;
  catalogDigest?: string;
  /** What the event changed in the catalog, by object. */
  catalogChanges?: CatalogChanges;
  snapshot?: string;
  /** Why a failure or a repair. */
  note?: string;
}

/** What the server fills in. */
export type Recorded = Pick<LogEntry, "id" | "recordedAt" | "durationMs">;

const RECORDED_AT = `to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  as "recordedAt"`;
const SINCE_BEGIN = `extract(epoch from
  pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()) * 1000`;
const ENTRY = `id::float8 as id, version, name, event, applied, digests, ${RECORDED_AT},
  duration_ms as "durationMs", catalog_digest as "catalogDigest", snapshot`;
const RECORD = `id::float8 as id, event, version, name, ${RECORDED_AT}, duration_ms as "durationMs",
  operator, database_user as "databaseUser", tool_version as "toolVersion", snapshot, note,
  case when event in ('apply', 'begin apply', 'baseline') then forward_sql end as "forwardSql"`;

/** Makes the log's schema and tables, unless they are there. */
export async function ensureLog(client: ClientBase): Promise<void> {
  if (!(await logExists(client))) await client.query(CREATE_BOOKKEEPING);
}

/** Whether the database has a log. */
export async function logExists(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    "select pg_catalog.to_regclass('migrations.log') is not null as found",
  );
  return rows[0]?.found ?? false;
}

/**
 * The newest entry of each migration that the log knows, by version, applied or rolled back; empty
 * without a log.
 */
export async function readLog(client: ClientBase): Promise<LogEntry[]> {
  if (!(await logExists(client))) return [];
  const { rows } = await client.query<LogEntry>(
    `select distinct on (version) ${ENTRY} from migrations.log
      where applied is not null order by version, migrations.log.id desc`,
  );
  // The server would put 1000 before 999.
  return rows.sort((a, b) => compareVersions(a.version, b.version));
}

/** An entry of the log, as its history is told. */
export interface LogRecord extends Recorded {
  event: LogEvent;
  version: string;
  name: string;
  /** Who ran the migrator, and as which role. */
  operator: string;
  databaseUser: string;
  toolVersion: string;
  snapshot: string | null;
  /** Why a failure, a repair or a heal. */
  note: string | null;
  /** What was applied, of an entry that says so. */
  forwardSql: string | null;
}

/** All entries of the log, oldest first; empty without a log. @param version of one migration alone. */
export async function readRecords(client: ClientBase, version?: string): Promise<LogRecord[]> {
  if (!(await logExists(client))) return [];
  const { rows } = await client.query<LogRecord>(
    `select ${RECORD} from migrations.log where $1::text is null or version = $1 order by log.id`,
    [version],
  );
  return rows;
}

/** The newest entry of the log, where it is a failure: the last run has failed. */
export async function readLastFailure(client: ClientBase): Promise<LogRecord | undefined> {
  if (!(await logExists(client))) return undefined;
  const { rows } = await client.query<LogRecord>(
    `select ${RECORD} from migrations.log order by log.id desc limit 1`,
  );
  return rows.find(({ event }) => event === "failure");
}

/** The SQL of a migration as its newest entry holds it, undefined when the log does not know it. */
export async function readStoredSql(
  client: ClientBase,
  version: string,
): Promise<StoredSql | undefined> {
  return (await readSql(client, [{ version }])).get(version);
}

/** The SQL of migrations, by version, as the newest entry of each that has SQL holds it. */
export async function readSql(
  client: ClientBase,
  entries: readonly Pick<LogEntry, "version">[],
): Promise<Map<string, StoredSql>> {
  const { rows } = await client.query<StoredSql & { version: string }>(
    `select distinct on (version) version, forward_sql as forward, rollback_sql as rollback,
            pg_catalog.to_jsonb(log) ->> 'verify_sql' as verify
       from migrations.log as log
      where version = any ($1) and forward_sql is not null order by version, id desc`,
    [entries.map(({ version }) => version)],
  );
  return new Map(rows.map(({ version, ...sql }) => [version, sql]));
}

/** What an event changed in the catalog. */
export interface LoggedChanges {
  /** Of the log entry. */
  id: number;
  version: string;
  /** Whether the migration ran: of one that was only recorded (a baseline) it is not known what it made. */
  isApplication: boolean;
  changes: CatalogChanges;
}

/** What each event changed in the catalog, oldest first: folded, the catalog that is expected. */
export async function readLogChanges(client: ClientBase): Promise<LoggedChanges[]> {
  const { rows } = await client.query<LoggedChanges>(
    `select id::float8 as id, version, event = 'apply' as "isApplication",
            catalog_changes as changes
       from migrations.log where catalog_changes is not null order by log.id`,
  );
  return rows;
}

/** Writes an entry; part of the transaction of the event itself. @returns the entry's id. */
export async function appendLog(client: ClientBase, entry: NewLogEntry): Promise<Recorded> {
  const script = new Script(client);
  const recorded = addLogEntry(script, entry);
  await script.run();
  const [row] = recorded.rows;
  if (!row) throw new Error("The log took an entry and returned no row.");
  return row;
}

/** As {@link appendLog}, with the next message of a script. */
export function addLogEntry(script: Script, entry: NewLogEntry): Answer<Recorded> {
  const { digests, sql, catalogChanges } = entry;
  const values = {
    event: entry.event,
    applied: entry.applied,
    version: entry.version,
    name: entry.name,
    digests: digests && JSON.stringify(digests),
    forward_sql: sql?.forward,
    rollback_sql: sql?.rollback,
    verify_sql: sql?.verify,
    duration_ms: entry.durationMs,
    catalog_digest_before: entry.catalogDigestBefore,
    catalog_digest: entry.catalogDigest,
    catalog_changes: catalogChanges && JSON.stringify(catalogChanges),
    snapshot: entry.snapshot,
    note: entry.note,
    operator: operatorName(),
    tool_version: TOOL_VERSION,
  };
  const columns = Object.keys(values);
  const placed = columns.map((column, index) =>
    column === "duration_ms" ? `coalesce($${index + 1}, ${SINCE_BEGIN})` : `$${index + 1}`,
  );
  return script.addPrepared(
    "log_append",
    `insert into migrations.log (${columns.join(", ")})
     values (${placed.join(", ")})
     returning id::float8 as id, ${RECORDED_AT}, duration_ms as "durationMs"`,
    Object.values(values).map(literal),
  );
}

/** Whether an entry says that a file of several steps was begun and not finished. */
export function isHalfDone({ event }: LogEntry): boolean {
  return event === "begin apply" || event === "begin rollback";
}

/** The entry of a version, when its migration is in the database. */
export function appliedEntry(log: readonly LogEntry[], version: string): LogEntry | undefined {
  return log.find((entry) => entry.version === version && entry.applied);
}
