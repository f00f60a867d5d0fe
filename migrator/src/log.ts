import { hostname, userInfo } from "node:os";
import type { ClientBase } from "pg";
import { TOOL_VERSION } from "./connection";
import type { TrioDigests } from "./trio";

/** What happened to a migration; `amend` is a new verify or rollback file for an applied one. */
export type LogEvent = "apply" | "amend" | "rollback";

/** The newest entry of one migration. */
export interface LogEntry {
  version: string;
  name: string;
  event: LogEvent;
  digests: TrioDigests;
  /** The SQL that undoes it, as it was when the entry was written. */
  rollbackSql: string;
  /** ISO 8601, UTC. */
  recordedAt: string;
  durationMs: number;
  /** Digest of the catalog after the event. */
  catalogDigest: string;
}

/** What a new entry says; who and when are filled in where it is written. */
export type NewLogEntry = Omit<LogEntry, "recordedAt"> & { catalogDigestBefore: string };

// Nobody but the migrator's role reads the log, and nobody at all changes or deletes an entry:
// under forced row level security that takes a policy, and there is none.
const CREATE_LOG = `
create schema if not exists migrations;
create table migrations.log (
  id bigint generated always as identity primary key,
  recorded_at timestamptz not null default clock_timestamp(),
  event text not null check (event in ('apply', 'amend', 'rollback')),
  version text not null,
  name text not null,
  digests jsonb not null,
  rollback_sql text not null,
  duration_ms integer not null,
  catalog_digest_before text not null,
  catalog_digest text not null,
  database_user text not null default session_user,
  client_address inet default inet_client_addr(),
  operator text not null,
  tool_version text not null
);
alter table migrations.log enable row level security;
alter table migrations.log force row level security;
create policy log_read on migrations.log for select to current_user using (true);
create policy log_append on migrations.log for insert to current_user with check (true);
create index log_version on migrations.log (version, id desc);
comment on schema migrations is 'What the migrator did to this database.';
comment on table migrations.log is
  'One row an event, never changed: the newest row of a version says whether it is applied.';
comment on column migrations.log.digests is
  'SHA-256 of the three files: of their text, and of their SQL without comments and layout.';
comment on column migrations.log.rollback_sql is 'The SQL that undoes the migration.';
comment on column migrations.log.catalog_digest is 'Digest of the attestation after the event.';
comment on column migrations.log.operator is 'Operating system user and host that ran the migrator.';
`;

/** Makes the log's schema and table, unless they are there. */
export async function ensureLog(client: ClientBase): Promise<void> {
  if (!(await logExists(client))) await client.query(CREATE_LOG);
}

/** The newest entry of each migration that the log knows, by version; empty without a log. */
export async function readLog(client: ClientBase): Promise<LogEntry[]> {
  if (!(await logExists(client))) return [];
  const { rows } = await client.query<LogEntry>(`
    select distinct on (version) version, name, event, digests, rollback_sql as "rollbackSql",
           to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "recordedAt",
           duration_ms as "durationMs", catalog_digest as "catalogDigest"
      from migrations.log order by version, id desc`);
  return rows;
}

/** Writes an entry; part of the transaction of the event itself. */
export async function appendLog(client: ClientBase, entry: NewLogEntry): Promise<void> {
  await client.query(
    `insert into migrations.log (event, version, name, digests, rollback_sql, duration_ms,
       catalog_digest_before, catalog_digest, operator, tool_version)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      entry.event,
      entry.version,
      entry.name,
      JSON.stringify(entry.digests),
      entry.rollbackSql,
      entry.durationMs,
      entry.catalogDigestBefore,
      entry.catalogDigest,
      operator(),
      TOOL_VERSION,
    ],
  );
}

/** Whether an entry says that its migration is in the database. */
export function isApplied(entry: LogEntry | undefined): entry is LogEntry {
  return entry !== undefined && entry.event !== "rollback";
}

async function logExists(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    "select pg_catalog.to_regclass('migrations.log') is not null as found",
  );
  return rows[0]?.found ?? false;
}

function operator(): string {
  return `${userInfo().username}@${hostname()}`;
}
