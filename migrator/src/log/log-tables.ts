import { splitKey } from "../catalog";

/** Whether an object of the catalog is one of the migrator's own. */
export function isBookkeeping(key: string): boolean {
  const { kind, name } = splitKey(key);
  return name.startsWith("migrations.") || (kind === "schema" && name === "migrations");
}

const COMMENT_ON_VERIFY_SQL =
  "comment on column migrations.log.verify_sql is 'The SQL that shows that the migration did its work.';";

/** Brings a log up to date that was made before it kept verify SQL. */
export const ADD_VERIFY_SQL = `
alter table migrations.log add column verify_sql text;
${COMMENT_ON_VERIFY_SQL}
`;

/**
 * The migrator's own tables. The migrator's role reads and adds; whoever may read all data
 * (`pg_read_all_data`) reads, so that a plan can be made by a role that may only read. Nobody at all
 * changes or deletes a row: under forced row level security that takes a policy, and there is none.
 */
export const CREATE_BOOKKEEPING = `
create schema if not exists migrations;
create table migrations.log (
  id bigint generated always as identity primary key,
  recorded_at timestamptz not null default clock_timestamp(),
  event text not null check (
    event in (
      'begin apply', 'apply', 'amend', 'begin rollback', 'rollback', 'baseline', 'repair', 'heal',
      'failure'
    )
  ),
  applied boolean,
  version text not null,
  name text not null,
  digests jsonb,
  forward_sql text,
  rollback_sql text,
  verify_sql text,
  duration_ms integer not null,
  catalog_digest_before text,
  catalog_digest text,
  catalog_changes jsonb,
  snapshot text,
  note text,
  database_user text not null default session_user,
  client_address inet default inet_client_addr(),
  operator text not null,
  tool_version text not null,
  constraint log_applied_known check (
    applied is null or digests is not null
      and (event in ('begin rollback', 'rollback') or forward_sql is not null and rollback_sql is not null)
  )
);
create index log_version on migrations.log (version, id desc) where applied is not null;
create table migrations.journal (
  id bigint generated always as identity primary key,
  recorded_at timestamptz not null default clock_timestamp(),
  run bigint not null references migrations.log (id),
  step integer not null,
  digest text not null,
  state text not null check (state in ('started', 'checkpoint', 'done')),
  checkpoint jsonb,
  catalog_changes jsonb
);
create index journal_run on migrations.journal (run, id);
alter table migrations.log enable row level security;
alter table migrations.log force row level security;
alter table migrations.journal enable row level security;
alter table migrations.journal force row level security;
create policy log_read on migrations.log for select to current_user, pg_read_all_data using (true);
create policy log_append on migrations.log for insert to current_user with check (true);
create policy journal_read on migrations.journal
  for select to current_user, pg_read_all_data using (true);
create policy journal_append on migrations.journal
  for insert to current_user with check (true);
comment on schema migrations is 'What the migrator did to this database.';
comment on table migrations.log is
  'One row an event, never changed: the newest row of a version whose applied is not null says '
  'whether that migration is in the database.';
comment on column migrations.log.applied is
  'Whether the migration is in the database after the event; null when the event does not say.';
comment on column migrations.log.digests is
  'SHA-256 of the three files: of their text, and of their SQL without comments and layout.';
comment on column migrations.log.forward_sql is 'The SQL that was applied.';
comment on column migrations.log.rollback_sql is 'The SQL that undoes the migration.';
${COMMENT_ON_VERIFY_SQL}
comment on column migrations.log.catalog_digest is 'Digest of the catalog after the event.';
comment on column migrations.log.catalog_changes is
  'What the event changed in the catalog, by object; null where an object went. All rows together '
  'give the catalog that is expected.';
comment on column migrations.log.snapshot is 'Snapshot of the instance that was taken before.';
comment on column migrations.log.note is 'Why a failure, a repair or a heal.';
comment on column migrations.log.operator is 'Operating system user and host that ran the migrator.';
comment on table migrations.journal is
  'How far a migration got that is not one transaction: one row when a step starts, makes a '
  'checkpoint or is done, never changed.';
comment on column migrations.journal.catalog_changes is
  'What the step changed in the catalog, by object; null where an object went.';
comment on column migrations.journal.step is
  'From 1; 0 is what the catalog held before the first migration.';
comment on column migrations.journal.run is
  'The log entry with which the run began; a run that is resumed is the same run.';
`;
