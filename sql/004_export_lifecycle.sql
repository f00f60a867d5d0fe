-- Purpose   The states of an export with the allowed transitions alone; expiry, archival and
--           clean-up for a job; and a list of objects to delete, so that no object in the bucket
--           outlives its row.
-- Requires  001_add_missing_tables, applied and verified; role migrator; roles app, anon,
--           authenticated and service_role
-- Hazards   builds index, two of them on export_history; blocks writes of export_history until it
--           is committed; changes access to its own objects
-- Rollback  loses archived exports and the list of objects to delete, so it refuses while there are
--           any

-- 1. Prerequisites.
do $$
declare
  missing text;
begin
  select string_agg(needed.name, ', ' order by needed.position) into missing
  from unnest(array['migrator', 'app', 'anon', 'authenticated', 'service_role'])
    with ordinality as needed (name, position)
  where not exists (select from pg_catalog.pg_roles r where r.rolname = needed.name);

  if missing is not null then
    raise exception 'SQL001 004_export_lifecycle needs roles that do not exist: %.', missing
      using errcode = 'undefined_object',
        hint = 'Create the roles first; the stack does that before it runs migrations.';
  end if;
  if current_user <> 'migrator' then
    raise exception 'SQL002 004_export_lifecycle was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Whoever creates a table owns it. Connect as migrator and run the file again.';
  end if;
  if to_regclass('public.export_history') is null then
    raise exception 'SQL006 004_export_lifecycle needs public.export_history.'
      using errcode = 'undefined_table',
        hint = 'Apply 001_add_missing_tables.sql and run 001_add_missing_tables_verify.sql first.';
  end if;
end
$$;

-- 2. Tables. A row of export_history that is over and old; its object is gone, and so is its name.
create table if not exists public.export_archive (
  id uuid not null,
  user_id uuid not null,
  export_type text not null,
  format text not null,
  status text not null,
  file_size_bytes bigint,
  row_count bigint,
  checksum_sha256 text,
  filters jsonb not null,
  error_message text,
  started_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz,
  download_count bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz not null default now(),
  constraint export_archive_pkey primary key (id),
  constraint export_archive_user_id_fkey
    foreign key (user_id) references public.users (id) on delete cascade,
  -- What goes on is not archived.
  constraint export_archive_status_check check (status in ('failed', 'expired'))
);

create table if not exists public.export_object_deletions (
  storage_bucket text not null,
  storage_key text not null,
  requested_at timestamptz not null default now(),
  claimed_at timestamptz,
  attempts bigint not null default 0,
  constraint export_object_deletions_pkey primary key (storage_bucket, storage_key)
);

-- Serves the foreign key and the policy.
create index if not exists idx_export_archive_user_id on public.export_archive (user_id);
-- Serves the clean-up, which takes the oldest first.
create index if not exists idx_export_archive_archived_at on public.export_archive (archived_at);
-- Serves the job, which takes the oldest first.
create index if not exists idx_export_object_deletions_requested_at
  on public.export_object_deletions (requested_at);
-- Serves the expiry, which would else read every completed export in each run.
create index if not exists idx_export_history_expires_at
  on public.export_history (expires_at) where status = 'completed';
-- Two rows cannot name one object, or the end of one would take the other's; and the job finds the
-- row of an object that is in the bucket.
create unique index if not exists idx_export_history_storage
  on public.export_history (storage_bucket, storage_key) where storage_key is not null;

-- 3. Functions and triggers. What an update may make of a row, whoever updates it.
create or replace function public.check_export_transition()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  completes constant boolean := old.status <> 'completed';
begin
  if old.status <> new.status and (old.status, new.status) not in (
    ('pending', 'processing'), ('processing', 'completed'), ('completed', 'expired'),
    ('pending', 'failed'), ('processing', 'failed')
  ) then
    raise exception 'EXP001 export % is %, and cannot become %.', old.id, old.status, new.status
      using errcode = 'EXP01',
        hint = 'An export goes from pending to processing to completed to expired, or from pending '
          'or processing to failed. Begin a new export instead.';
  end if;
  -- What ends names nothing: the next trigger sees to it, also for a row from before 004.
  if (new.storage_bucket is null) <> (new.storage_key is null)
    and new.status not in ('failed', 'expired')
  then
    raise exception 'EXP002 export % names % without %.', old.id,
      case when new.storage_key is null then 'a bucket' else 'a key' end,
      case when new.storage_key is null then 'a key' else 'a bucket' end
      using errcode = 'EXP02', hint = 'Set storage_bucket and storage_key together.';
  end if;
  -- What was completed before 004 may lack what it lacks, and no more.
  if new.status = 'completed' and (
    (new.storage_key is null and (completes or old.storage_key is not null))
    or (new.completed_at is null and (completes or old.completed_at is not null))
    or (new.expires_at is null and (completes or old.expires_at is not null))
  ) then
    raise exception
      'EXP003 export % cannot be completed without storage_bucket, storage_key, completed_at and '
      'expires_at.', old.id
      using errcode = 'EXP03',
        hint = 'Name the object before it is written, set both times with the status, and leave '
          'them until it has expired.';
  end if;
  return new;
end
$$;

-- With its owner's rights, because it also runs where a user is deleted, by whoever may do that. It
-- writes the bucket and key of the row that is changed, and nothing else.
create or replace function public.queue_export_object_deletion()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' then
    -- What failed or expired has no object.
    if new.status in ('failed', 'expired') then
      new.storage_bucket := null;
      new.storage_key := null;
    end if;
    if old.storage_bucket is not distinct from new.storage_bucket
      and old.storage_key is not distinct from new.storage_key
    then
      return new;
    end if;
    if exists (
      select from public.export_object_deletions d
      where d.storage_bucket = new.storage_bucket and d.storage_key = new.storage_key
    ) then
      raise exception 'EXP004 export % cannot be written to a key that is about to be deleted.',
        old.id
        using errcode = 'EXP04', hint = 'Use a new key for each attempt.';
    end if;
  end if;
  if old.storage_bucket is not null and old.storage_key is not null then
    insert into public.export_object_deletions (storage_bucket, storage_key)
    values (old.storage_bucket, old.storage_key)
    on conflict do nothing;
  end if;
  return case when tg_op = 'UPDATE' then new else old end;
end
$$;

-- Triggers fire in the order of their names: what is asked for is judged before it is acted on.
create or replace trigger trigger_export_history_transition
  before update of status, storage_bucket, storage_key, completed_at, expires_at
  on public.export_history
  for each row execute function public.check_export_transition();

create or replace trigger trigger_export_object_deletion
  before update of status, storage_bucket, storage_key or delete on public.export_history
  for each row execute function public.queue_export_object_deletion();

-- The job's part: each call is one batch and gives how many rows it took, so the job calls again
-- until it gets fewer than it asked for. One statement each, so that a job that dies leaves a batch
-- done or not begun; rows that another job has are skipped. With the rights of service_role.
create or replace function public.fail_stalled_exports(most integer default 1000)
returns bigint
language sql
set search_path = ''
as $$
  with stalled as (
    select h.id
    from public.export_history h
    where h.status = 'processing' and h.updated_at < now() - interval '1 hour'
    order by h.updated_at
    limit most
    for update skip locked
  ),
  failed as (
    update public.export_history h
    set
      status = 'failed',
      error_message = 'The export was given up: it made no progress for an hour.'
    from stalled s
    where h.id = s.id
    returning h.id
  )
  select count(*) from failed
$$;

create or replace function public.expire_exports(most integer default 1000)
returns bigint
language sql
set search_path = ''
as $$
  with due as (
    select h.id
    from public.export_history h
    where h.status = 'completed' and h.expires_at <= now()
    order by h.expires_at
    limit most
    for update skip locked
  ),
  expired as (
    update public.export_history h
    set status = 'expired'
    from due d
    where h.id = d.id
    returning h.id
  )
  select count(*) from expired
$$;

create or replace function public.archive_exports(
  older_than interval default '90 days',
  most integer default 1000
)
returns bigint
language sql
set search_path = ''
as $$
  with due as (
    select h.id
    from public.export_history h
    where h.created_at < now() - older_than and h.status in ('failed', 'expired')
    order by h.created_at
    limit most
    for update skip locked
  ),
  removed as (
    delete from public.export_history h
    using due d
    where h.id = d.id
    returning h.*
  ),
  archived as (
    insert into public.export_archive (
      id, user_id, export_type, format, status, file_size_bytes, row_count, checksum_sha256,
      filters, error_message, started_at, completed_at, expires_at, download_count, created_at,
      updated_at
    )
    select
      r.id, r.user_id, r.export_type, r.format, r.status, r.file_size_bytes, r.row_count,
      r.checksum_sha256, r.filters, r.error_message, r.started_at, r.completed_at, r.expires_at,
      r.download_count, r.created_at, r.updated_at
    from removed r
    returning id
  )
  select count(*) from archived
$$;

create or replace function public.delete_archived_exports(
  older_than interval default '365 days',
  most integer default 1000
)
returns bigint
language sql
set search_path = ''
as $$
  with due as (
    select a.id
    from public.export_archive a
    where a.archived_at < now() - older_than
    order by a.archived_at
    limit most
    for update skip locked
  ),
  removed as (
    delete from public.export_archive a
    using due d
    where a.id = d.id
    returning a.id
  )
  select count(*) from removed
$$;

-- The job deletes these objects, and then their rows here. One that dies in between has its objects
-- claimed again ten minutes later: to delete an object twice does no harm.
create or replace function public.claim_export_object_deletions(most integer default 100)
returns table (storage_bucket text, storage_key text)
language sql
set search_path = ''
as $$
  with due as (
    select d.storage_bucket, d.storage_key
    from public.export_object_deletions d
    where d.claimed_at is null or d.claimed_at < now() - interval '10 minutes'
    order by d.requested_at
    limit most
    for update skip locked
  )
  update public.export_object_deletions d
  set claimed_at = now(), attempts = d.attempts + 1
  from due
  where d.storage_bucket = due.storage_bucket and d.storage_key = due.storage_key
  returning d.storage_bucket, d.storage_key
$$;

-- Objects that the job found in the bucket and no row names: what a job that died left behind.
create or replace function public.queue_unnamed_export_objects(bucket text, keys text[])
returns bigint
language sql
set search_path = ''
as $$
  with queued as (
    insert into public.export_object_deletions (storage_bucket, storage_key)
    select distinct bucket, k.key
    from unnest(keys) as k (key)
    where not exists (
      select from public.export_history h where h.storage_bucket = bucket and h.storage_key = k.key
    )
    on conflict do nothing
    returning 1
  )
  select count(*) from queued
$$;

-- 4. Row level security, before any grant. Dropped and created again, a policy that was changed by
-- hand is as written here; the tables are locked meanwhile.
alter table public.export_archive enable row level security;
alter table public.export_archive force row level security;
alter table public.export_object_deletions enable row level security;
alter table public.export_object_deletions force row level security;

drop policy if exists export_archive_select_own on public.export_archive;
create policy export_archive_select_own on public.export_archive
  for select to authenticated
  using ((select auth.uid()) = user_id);
drop policy if exists export_archive_service on public.export_archive;
create policy export_archive_service on public.export_archive
  for all to service_role
  using (true)
  with check (true);

-- Users change what to export while nobody works on it. Then nobody but the job touches an export
-- that is processing, and updated_at says when the job was last heard of.
drop policy if exists export_history_update_pending on public.export_history;
create policy export_history_update_pending on public.export_history
  as restrictive
  for update to authenticated
  using (status = 'pending');

drop policy if exists export_object_deletions_service on public.export_object_deletions;
create policy export_object_deletions_service on public.export_object_deletions
  for all to service_role
  using (true)
  with check (true);
-- Forced row level security binds the owner, too, as whom queue_export_object_deletion() runs.
drop policy if exists export_object_deletions_migrator_select on public.export_object_deletions;
create policy export_object_deletions_migrator_select on public.export_object_deletions
  for select to migrator
  using (true);
drop policy if exists export_object_deletions_migrator_insert on public.export_object_deletions;
create policy export_object_deletions_migrator_insert on public.export_object_deletions
  for insert to migrator
  with check (true);

-- 5. Grants: first none, then named columns for writes.
revoke all on public.export_archive, public.export_object_deletions
  from public, app, anon, authenticated, service_role;
revoke all on function
  public.check_export_transition(),
  public.queue_export_object_deletion(),
  public.fail_stalled_exports(integer),
  public.expire_exports(integer),
  public.archive_exports(interval, integer),
  public.delete_archived_exports(interval, integer),
  public.claim_export_object_deletions(integer),
  public.queue_unnamed_export_objects(text, text[])
  from public, app, anon, authenticated, service_role;

grant select on public.export_archive to authenticated;
grant
  select,
  delete,
  insert (
    id, user_id, export_type, format, status, file_size_bytes, row_count, checksum_sha256, filters,
    error_message, started_at, completed_at, expires_at, download_count, created_at, updated_at
  ),
  -- What locks a row needs a right to change one; no job changes it.
  update (archived_at)
  on public.export_archive to service_role;
grant
  select,
  delete,
  insert (storage_bucket, storage_key),
  update (claimed_at, attempts)
  on public.export_object_deletions to service_role;
grant execute on function
  public.fail_stalled_exports(integer),
  public.expire_exports(integer),
  public.archive_exports(interval, integer),
  public.delete_archived_exports(interval, integer),
  public.claim_export_object_deletions(integer),
  public.queue_unnamed_export_objects(text, text[])
  to service_role;

-- 6. Comments.
comment on table public.export_archive is
  'Exports that failed or expired, moved here by archive_exports(). Goes with its user.';
comment on column public.export_archive.archived_at is
  'When it was moved; delete_archived_exports() counts from here.';
comment on table public.export_object_deletions is
  'Objects that no export names any more. A row goes once the object store has said that the '
  'object is gone.';
comment on column public.export_object_deletions.storage_key is
  'The object''s key in storage_bucket.';
comment on column public.export_object_deletions.claimed_at is
  'When a job last took it; another may take it ten minutes later.';
comment on column public.export_object_deletions.attempts is
  'How often a job took it. Many: the object store keeps refusing.';

comment on function public.fail_stalled_exports(integer) is
  'Exports that are processing and were not updated for an hour become failed. Gives how many.';
comment on function public.expire_exports(integer) is
  'Completed exports whose expires_at has passed become expired. Gives how many.';
comment on function public.archive_exports(interval, integer) is
  'Moves failed and expired exports that were created so long ago to export_archive. Gives how '
  'many.';
comment on function public.delete_archived_exports(interval, integer) is
  'Deletes what was archived so long ago. Gives how many.';
comment on function public.claim_export_object_deletions(integer) is
  'Objects for the caller to delete; their rows are to be deleted afterwards.';
comment on function public.queue_unnamed_export_objects(text, text[]) is
  'Queues those of the objects in a bucket that no export names. Gives how many.';
