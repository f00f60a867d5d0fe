-- Purpose   API keys, learning progress and export history of each user, readable by that user.
-- Requires  000_existing_schema, applied and verified; role migrator, which owns the database and
--           runs this with row_security on (off, PostgreSQL refuses even what a policy allows);
--           roles app, anon, authenticated and service_role
-- Hazards   blocks writes, and reads, of users and sessions until all but section 7 is committed:
--           run by hand as one transaction, until that ends; changes access to its own tables
-- Rollback  loses API keys, exports, preferences and achievements, so it refuses while there are
--           any; counters come back, being a function of sessions

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
    raise exception 'SQL001 001_add_missing_tables needs roles that do not exist: %.', missing
      using errcode = 'undefined_object',
        hint = 'Create the roles first; the stack does that before it runs migrations.';
  end if;
  if current_user <> 'migrator' then
    raise exception 'SQL002 001_add_missing_tables was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Whoever creates a table owns it. Connect as migrator and run the file again.';
  end if;
  if to_regclass('public.users') is null
    or to_regclass('public.sessions') is null
    or to_regprocedure('auth.uid()') is null
  then
    raise exception
      'SQL006 001_add_missing_tables needs public.users, public.sessions and auth.uid().'
      using errcode = 'undefined_table',
        hint = 'Apply 000_existing_schema.sql and run 000_existing_schema_verify.sql first.';
  end if;
end
$$;

-- 2. Tables, one row for each user in the first two.
create table if not exists public.user_api_keys (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  encrypted_keys bytea not null,
  encryption_key_id text not null,
  is_active boolean not null default true,
  last_validated_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_api_keys_pkey primary key (id),
  -- Named as the index that the contract asks for: no column is indexed twice.
  constraint idx_user_api_keys_user_id unique (user_id),
  constraint user_api_keys_user_id_fkey
    foreign key (user_id) references public.users (id) on delete cascade,
  -- An empty message means that the client failed to encrypt.
  constraint user_api_keys_encrypted_keys_check check (octet_length(encrypted_keys) > 0),
  constraint user_api_keys_encryption_key_id_check check (encryption_key_id <> ''),
  constraint user_api_keys_last_validated_at_check check (isfinite(last_validated_at))
);

create table if not exists public.user_progress (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  total_sessions bigint not null default 0,
  total_descriptions bigint not null default 0,
  total_images bigint not null default 0,
  total_questions bigint not null default 0,
  total_vocabulary bigint not null default 0,
  total_time_seconds bigint not null default 0,
  sessions_today bigint not null default 0,
  sessions_this_week bigint not null default 0,
  descriptions_this_week bigint not null default 0,
  vocabulary_this_week bigint not null default 0,
  time_this_week_seconds bigint not null default 0,
  current_streak_days bigint not null default 0,
  longest_streak_days bigint not null default 0,
  best_session_vocabulary bigint not null default 0,
  longest_session_seconds bigint not null default 0,
  average_session_seconds bigint generated always as (
    case when total_sessions > 0 then total_time_seconds / total_sessions else 0 end
  ) stored,
  last_session_id uuid,
  first_activity_at timestamptz,
  last_activity_at timestamptz,
  achievements jsonb not null default '{}',
  preferences jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_progress_pkey primary key (id),
  constraint idx_user_progress_user_id unique (user_id),
  constraint user_progress_user_id_fkey
    foreign key (user_id) references public.users (id) on delete cascade,
  constraint user_progress_counters_check check (
    least(
      total_sessions, total_descriptions, total_images, total_questions, total_vocabulary,
      total_time_seconds, sessions_today, sessions_this_week, descriptions_this_week,
      vocabulary_this_week, time_this_week_seconds, current_streak_days, longest_streak_days,
      best_session_vocabulary, longest_session_seconds
    ) >= 0
  ),
  constraint user_progress_times_check check (
    isfinite(first_activity_at) and isfinite(last_activity_at)
    and last_activity_at >= first_activity_at
  ),
  constraint user_progress_achievements_check check (jsonb_typeof(achievements) = 'object'),
  constraint user_progress_preferences_check check (jsonb_typeof(preferences) = 'object')
);

create table if not exists public.export_history (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  export_type text not null,
  format text not null,
  status text not null default 'pending',
  storage_bucket text,
  storage_key text,
  file_size_bytes bigint,
  row_count bigint,
  checksum_sha256 text,
  filters jsonb not null default '{}',
  error_message text,
  started_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz,
  download_count bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint export_history_pkey primary key (id),
  constraint export_history_user_id_fkey
    foreign key (user_id) references public.users (id) on delete cascade,
  constraint export_history_export_type_check check (
    export_type in ('progress', 'sessions', 'vocabulary', 'full')
  ),
  constraint export_history_format_check check (format in ('jsonl', 'csv')),
  constraint export_history_status_check check (
    status in ('pending', 'processing', 'completed', 'failed', 'expired')
  ),
  constraint export_history_counts_check check (
    least(file_size_bytes, row_count, download_count) >= 0
  ),
  constraint export_history_checksum_sha256_check check (checksum_sha256 ~ '^[0-9a-f]{64}$'),
  constraint export_history_filters_check check (jsonb_typeof(filters) = 'object'),
  constraint export_history_times_check check (
    isfinite(started_at) and isfinite(completed_at) and isfinite(expires_at)
    and completed_at >= started_at
  )
);

-- Recent activity first. NULLs come first, too: add "where last_activity_at is not null".
create index if not exists idx_user_progress_last_activity
  on public.user_progress (last_activity_at desc);
-- Serves the foreign key, every policy, and a user's exports page by page, the newest first.
create index if not exists idx_export_history_user_id
  on public.export_history (user_id, created_at desc);
create index if not exists idx_export_history_status
  on public.export_history (status, created_at desc);
create index if not exists idx_export_history_created_at
  on public.export_history (created_at desc);
create index if not exists idx_export_history_export_type
  on public.export_history (export_type);

-- 3. Functions and triggers.
create or replace function public.update_user_api_keys_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create or replace function public.update_user_progress_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create or replace function public.update_export_history_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

-- With its owner's rights, because a user may not write counters. What it reads and writes is fixed
-- by the row that was completed, and policies for migrator bound it to three tables.
create or replace function public.update_user_progress_from_session()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  progress public.user_progress;
  -- Two numbers subtracted, since an interval overflows before a timestamp does.
  seconds constant bigint :=
    floor(extract(epoch from new.ended_at) - extract(epoch from new.started_at));
  -- Day 0 was a Thursday; a week starts on the Monday at or before its days.
  day constant integer := (new.ended_at at time zone 'UTC')::date - date '1970-01-01';
  monday constant integer := day - ((day + 3) % 7 + 7) % 7;
  last_day integer;
begin
  insert into public.user_progress (user_id)
  values (new.user_id)
  on conflict (user_id) do nothing;

  -- One completion of a user at a time: without the lock, two that run side by side each count
  -- without the other, and the later to write wins. What is read is the row as it is once locked.
  select p.* into progress
  from public.user_progress p
  where p.user_id = new.user_id
  for no key update;

  -- Later than all that is counted, as nearly every completion is: the row and the session give
  -- the figures, however many sessions there are.
  if (progress.last_activity_at, progress.last_session_id) < (new.ended_at, new.id) then
    last_day := (progress.last_activity_at at time zone 'UTC')::date - date '1970-01-01';
    if last_day < day then
      progress.sessions_today := 0;
      progress.current_streak_days :=
        case when last_day = day - 1 then progress.current_streak_days else 0 end + 1;
    end if;
    if last_day < monday then
      progress.sessions_this_week := 0;
      progress.descriptions_this_week := 0;
      progress.vocabulary_this_week := 0;
      progress.time_this_week_seconds := 0;
    end if;

    update public.user_progress p
    set
      total_sessions = progress.total_sessions + 1,
      total_descriptions = progress.total_descriptions + new.descriptions_count,
      total_images = progress.total_images + new.images_count,
      total_questions = progress.total_questions + new.questions_count,
      total_vocabulary = progress.total_vocabulary + new.vocabulary_count,
      total_time_seconds = progress.total_time_seconds + seconds,
      sessions_today = progress.sessions_today + 1,
      sessions_this_week = progress.sessions_this_week + 1,
      descriptions_this_week = progress.descriptions_this_week + new.descriptions_count,
      vocabulary_this_week = progress.vocabulary_this_week + new.vocabulary_count,
      time_this_week_seconds = progress.time_this_week_seconds + seconds,
      current_streak_days = progress.current_streak_days,
      longest_streak_days =
        greatest(progress.longest_streak_days, progress.current_streak_days),
      best_session_vocabulary = greatest(progress.best_session_vocabulary, new.vocabulary_count),
      longest_session_seconds = greatest(progress.longest_session_seconds, seconds),
      last_session_id = new.id,
      first_activity_at = least(progress.first_activity_at, new.started_at),
      last_activity_at = new.ended_at
    where p.user_id = new.user_id;
    return null;
  end if;

  -- Else everything is counted again: the first completion since 001, and one out of order, after
  -- which the columns alone cannot give streaks. A statement of its own, so that its snapshot is
  -- later than the lock.
  with completed as (
    select
      s.id, s.started_at, s.ended_at,
      s.descriptions_count, s.images_count, s.questions_count, s.vocabulary_count,
      -- Two numbers subtracted, since an interval overflows before a timestamp does.
      floor(extract(epoch from s.ended_at) - extract(epoch from s.started_at))::bigint as seconds,
      (s.ended_at at time zone 'UTC')::date - date '1970-01-01' as day
    from public.sessions s
    where s.user_id = new.user_id and s.ended_at is not null
  ),
  latest as (
    -- Day 0 was a Thursday; a week starts on the Monday at or before its days.
    select c.id, c.ended_at, c.day, c.day - ((c.day + 3) % 7 + 7) % 7 as monday
    from completed c
    order by c.ended_at desc, c.id desc
    limit 1
  ),
  totals as (
    select
      count(*) as total_sessions,
      sum(c.descriptions_count) as total_descriptions,
      sum(c.images_count) as total_images,
      sum(c.questions_count) as total_questions,
      sum(c.vocabulary_count) as total_vocabulary,
      sum(c.seconds) as total_time_seconds,
      count(*) filter (where c.day = l.day) as sessions_today,
      count(*) filter (where c.day >= l.monday) as sessions_this_week,
      coalesce(sum(c.descriptions_count) filter (where c.day >= l.monday), 0)
        as descriptions_this_week,
      coalesce(sum(c.vocabulary_count) filter (where c.day >= l.monday), 0)
        as vocabulary_this_week,
      coalesce(sum(c.seconds) filter (where c.day >= l.monday), 0) as time_this_week_seconds,
      max(c.vocabulary_count) as best_session_vocabulary,
      max(c.seconds) as longest_session_seconds,
      min(c.started_at) as first_activity_at
    from completed c
    cross join latest l
  ),
  runs as (
    -- In a run of consecutive days, day minus rank stays the same.
    select max(d.day) as last_day, count(*) as days
    from (
      select c.day, c.day - row_number() over (order by c.day) as run
      from completed c
      group by c.day
    ) d
    group by d.run
  ),
  streaks as (
    select
      max(r.days) as longest_streak_days,
      max(r.days) filter (where r.last_day = l.day) as current_streak_days
    from runs r
    cross join latest l
  )
  update public.user_progress p
  set
    total_sessions = t.total_sessions,
    total_descriptions = t.total_descriptions,
    total_images = t.total_images,
    total_questions = t.total_questions,
    total_vocabulary = t.total_vocabulary,
    total_time_seconds = t.total_time_seconds,
    sessions_today = t.sessions_today,
    sessions_this_week = t.sessions_this_week,
    descriptions_this_week = t.descriptions_this_week,
    vocabulary_this_week = t.vocabulary_this_week,
    time_this_week_seconds = t.time_this_week_seconds,
    current_streak_days = k.current_streak_days,
    longest_streak_days = k.longest_streak_days,
    best_session_vocabulary = t.best_session_vocabulary,
    longest_session_seconds = t.longest_session_seconds,
    last_session_id = l.id,
    first_activity_at = t.first_activity_at,
    last_activity_at = l.ended_at
  from totals t
  cross join streaks k
  cross join latest l
  where p.user_id = new.user_id;

  return null;
end
$$;

create or replace trigger trigger_user_api_keys_updated_at
  before update on public.user_api_keys
  for each row execute function public.update_user_api_keys_updated_at();

create or replace trigger trigger_user_progress_updated_at
  before update on public.user_progress
  for each row execute function public.update_user_progress_updated_at();

create or replace trigger trigger_export_history_updated_at
  before update on public.export_history
  for each row execute function public.update_export_history_updated_at();

create or replace trigger trigger_update_user_progress_from_session
  after update of ended_at on public.sessions
  for each row
  when (old.ended_at is null and new.ended_at is not null)
  execute function public.update_user_progress_from_session();

-- 4. Row level security, before any grant. Dropped and created again, a policy that was changed by
-- hand is as written here; the tables are locked meanwhile.
alter table public.user_api_keys enable row level security;
alter table public.user_api_keys force row level security;
alter table public.user_progress enable row level security;
alter table public.user_progress force row level security;
alter table public.export_history enable row level security;
alter table public.export_history force row level security;

drop policy if exists user_api_keys_select_own on public.user_api_keys;
create policy user_api_keys_select_own on public.user_api_keys
  for select to authenticated
  using ((select auth.uid()) = user_id);
drop policy if exists user_api_keys_insert_own on public.user_api_keys;
create policy user_api_keys_insert_own on public.user_api_keys
  for insert to authenticated
  with check ((select auth.uid()) = user_id);
drop policy if exists user_api_keys_update_own on public.user_api_keys;
create policy user_api_keys_update_own on public.user_api_keys
  for update to authenticated
  using ((select auth.uid()) = user_id)
  with check ((select auth.uid()) = user_id);
drop policy if exists user_api_keys_delete_own on public.user_api_keys;
create policy user_api_keys_delete_own on public.user_api_keys
  for delete to authenticated
  using ((select auth.uid()) = user_id);

drop policy if exists user_progress_select_own on public.user_progress;
create policy user_progress_select_own on public.user_progress
  for select to authenticated
  using ((select auth.uid()) = user_id);
drop policy if exists user_progress_insert_own on public.user_progress;
create policy user_progress_insert_own on public.user_progress
  for insert to authenticated
  with check ((select auth.uid()) = user_id);
drop policy if exists user_progress_update_own on public.user_progress;
create policy user_progress_update_own on public.user_progress
  for update to authenticated
  using ((select auth.uid()) = user_id)
  with check ((select auth.uid()) = user_id);
-- The back office works on every user's row; its grants say on which columns.
drop policy if exists user_progress_service on public.user_progress;
create policy user_progress_service on public.user_progress
  for all to service_role
  using (true)
  with check (true);

drop policy if exists export_history_select_own on public.export_history;
create policy export_history_select_own on public.export_history
  for select to authenticated
  using ((select auth.uid()) = user_id);
drop policy if exists export_history_insert_own on public.export_history;
create policy export_history_insert_own on public.export_history
  for insert to authenticated
  with check ((select auth.uid()) = user_id);
drop policy if exists export_history_update_own on public.export_history;
create policy export_history_update_own on public.export_history
  for update to authenticated
  using ((select auth.uid()) = user_id)
  with check ((select auth.uid()) = user_id);
drop policy if exists export_history_service on public.export_history;
create policy export_history_service on public.export_history
  for all to service_role
  using (true)
  with check (true);

-- Forced row level security binds the owner, too: without these the insert of section 7 would write
-- no row and report success, and the trigger would count nothing. None on keys or exports.
drop policy if exists users_migrator on public.users;
create policy users_migrator on public.users
  for select to migrator
  using (true);
drop policy if exists sessions_migrator on public.sessions;
create policy sessions_migrator on public.sessions
  for select to migrator
  using (true);
drop policy if exists user_progress_migrator on public.user_progress;
create policy user_progress_migrator on public.user_progress
  for all to migrator
  using (true)
  with check (true);

-- 5. Grants: first none, then named columns for writes.
revoke all on public.user_api_keys, public.user_progress, public.export_history
  from public, app, anon, authenticated, service_role;
revoke all on function
  public.update_user_api_keys_updated_at(),
  public.update_user_progress_updated_at(),
  public.update_export_history_updated_at(),
  public.update_user_progress_from_session()
  from public, app, anon, authenticated, service_role;

grant
  select,
  delete,
  insert (user_id, encrypted_keys, encryption_key_id, is_active, last_validated_at),
  update (encrypted_keys, encryption_key_id, is_active, last_validated_at)
  on public.user_api_keys to authenticated;

grant select, insert (user_id, preferences), update (preferences)
  on public.user_progress to authenticated;
grant select, insert (user_id), update (achievements)
  on public.user_progress to service_role;

grant select, insert (user_id, export_type, format, filters), update (filters)
  on public.export_history to authenticated;
grant
  select,
  delete,
  insert (user_id, export_type, format, filters),
  update (
    status, storage_bucket, storage_key, file_size_bytes, row_count, checksum_sha256,
    error_message, started_at, completed_at, expires_at, download_count
  )
  on public.export_history to service_role;

-- 6. Comments.
comment on table public.user_api_keys is
  'A user''s keys to other providers, encrypted by the client. No role can read all rows.';
comment on column public.user_api_keys.encrypted_keys is
  'Secret. An AWS Encryption SDK message: provider name to API key.';
comment on column public.user_api_keys.encryption_key_id is
  'The KMS key that wrapped the data key of encrypted_keys.';
comment on column public.user_api_keys.last_validated_at is
  'When the providers last accepted the keys; null when never tried.';

comment on table public.user_progress is
  'What a user''s completed sessions add up to. The counters are written by '
  'update_user_progress_from_session() alone. Days and weeks are UTC, weeks start on Monday.';
comment on column public.user_progress.total_sessions is 'Completed sessions only.';
comment on column public.user_progress.total_time_seconds is
  'Seconds from start to end, floored for each session, then summed.';
comment on column public.user_progress.sessions_today is
  'On the day of last_activity_at: compare that day with yours.';
comment on column public.user_progress.sessions_this_week is
  'In the week of last_activity_at: compare that week with yours.';
comment on column public.user_progress.descriptions_this_week is
  'In the week of last_activity_at.';
comment on column public.user_progress.vocabulary_this_week is
  'In the week of last_activity_at.';
comment on column public.user_progress.time_this_week_seconds is
  'Seconds, in the week of last_activity_at.';
comment on column public.user_progress.current_streak_days is
  'Consecutive days with a completed session that end on the day of last_activity_at.';
comment on column public.user_progress.longest_streak_days is
  'The longest run of consecutive days with a completed session.';
comment on column public.user_progress.best_session_vocabulary is
  'The greatest vocabulary_count of a session.';
comment on column public.user_progress.last_session_id is
  'The session with the greatest ended_at, ties by greatest id. No foreign key.';
comment on column public.user_progress.first_activity_at is 'The least started_at.';
comment on column public.user_progress.last_activity_at is 'The greatest ended_at.';
comment on column public.user_progress.achievements is
  'Written by the back office, an object; nowhere else to be had.';
comment on column public.user_progress.preferences is
  'Written by the user, an object; nowhere else to be had.';

comment on table public.export_history is
  'Exports that users asked for, and what became of them. Goes with its user.';
comment on column public.export_history.status is
  'pending, processing, completed, failed or expired; written by jobs.';
comment on column public.export_history.storage_key is 'The object''s key in storage_bucket.';
comment on column public.export_history.checksum_sha256 is
  'Of the file, 64 hexadecimal digits in lower case.';
comment on column public.export_history.filters is 'What to export, as asked for; an object.';
comment on column public.export_history.error_message is
  'Shown to the user: no secrets, no internals.';
comment on column public.export_history.expires_at is 'When the file is deleted.';

-- 7. Data: one progress row for every user that has none. Last, since each batch is a commit of its
-- own: what protects the rows is committed before them, and nobody waits while they are written.
-- Whoever signs up meanwhile gets a row here, or later with the first key or session.
-- batch: table public.users, key id, size 2000, pause 20ms, target 100ms
insert into public.user_progress (user_id)
select u.id from public.users u
where true /* batch: u.id */
on conflict (user_id) do nothing;
