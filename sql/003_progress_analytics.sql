-- Purpose   Trends of a user's progress, for that user, and reports over all users, for the back
--           office: activity by day and week, retention, growth of vocabulary.
-- Requires  001_add_missing_tables, applied and verified; role migrator, with row_security on;
--           roles app, anon, authenticated and service_role
-- Hazards   changes access to its own objects; reads all sessions four times to fill the reports,
--           which keeps nobody from reading or writing
-- Rollback  loses nothing: all of it is computed from sessions

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
    raise exception 'SQL001 003_progress_analytics needs roles that do not exist: %.', missing
      using errcode = 'undefined_object',
        hint = 'Create the roles first; the stack does that before it runs migrations.';
  end if;
  if current_user <> 'migrator' then
    raise exception 'SQL002 003_progress_analytics was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Whoever creates a view owns it. Connect as migrator and run the file again.';
  end if;
  if to_regclass('public.user_progress') is null then
    raise exception 'SQL006 003_progress_analytics needs public.user_progress.'
      using errcode = 'undefined_table',
        hint = 'Apply 001_add_missing_tables.sql and run 001_add_missing_tables_verify.sql first.';
  end if;
end
$$;

-- 2. The constant, in a function so that all reports share one.
create or replace function public.smallest_reported_group()
returns bigint
language sql
immutable
parallel safe
set search_path = ''
as 'select 5::bigint';

-- 3. Trends, one row for each row of user_progress. With the rights and under the policies of who
-- asks: a user's own row, and their own sessions. Days and weeks are UTC, weeks start on Monday.
-- "Now" is the clock, unlike in user_progress, whose week is that of the last activity.
create or replace view public.progress_trends
with (security_invoker = true) as
select
  p.user_id,
  c.today,
  case when p.last_activity_at is not null then
    greatest(c.today - (p.last_activity_at at time zone 'UTC')::date, 0)
  end as days_since_last_activity,
  s.sessions_this_week,
  s.sessions_last_week,
  s.sessions_this_week - s.sessions_last_week as sessions_change,
  s.vocabulary_this_week,
  s.vocabulary_last_week,
  s.vocabulary_this_week - s.vocabulary_last_week as vocabulary_change,
  s.seconds_this_week,
  s.seconds_last_week,
  s.seconds_this_week - s.seconds_last_week as seconds_change,
  s.active_days,
  -- Of the last 28 days, or of all days since the first activity where that is less.
  case when p.first_activity_at is not null then
    round(s.active_days / least(greatest(
      c.today - (p.first_activity_at at time zone 'UTC')::date, 0) + 1, 28)::numeric, 3)
  end as active_days_share
from public.user_progress p
cross join (
  select d.today, d.today - (extract(isodow from d.today)::integer - 1) as monday
  from (select (now() at time zone 'UTC')::date as today) d
) c
cross join lateral (
  select
    count(*) filter (where e.day >= c.monday) as sessions_this_week,
    count(*) filter (where e.day between c.monday - 7 and c.monday - 1) as sessions_last_week,
    coalesce(sum(e.vocabulary_count) filter (where e.day >= c.monday), 0)
      as vocabulary_this_week,
    coalesce(sum(e.vocabulary_count) filter (where e.day between c.monday - 7 and c.monday - 1), 0)
      as vocabulary_last_week,
    coalesce(sum(e.seconds) filter (where e.day >= c.monday), 0) as seconds_this_week,
    coalesce(sum(e.seconds) filter (where e.day between c.monday - 7 and c.monday - 1), 0)
      as seconds_last_week,
    count(distinct e.day) as active_days
  from (
    select
      o.vocabulary_count,
      (o.ended_at at time zone 'UTC')::date as day,
      floor(extract(epoch from o.ended_at) - extract(epoch from o.started_at))::bigint as seconds
    from public.sessions o
    where o.user_id = p.user_id
      -- 28 days and no more, which reach back beyond last week's Monday. By the index.
      and o.ended_at >= (c.today - 27)::timestamp at time zone 'UTC'
      and o.ended_at < (c.today + 1)::timestamp at time zone 'UTC'
  ) e
) s;

-- 4. Reports. A materialized view has no policies: who is granted it reads all of it, so it holds
-- nothing of a single user. A group of fewer users than smallest_reported_group() has no row.
-- Numerics, which do not overflow whatever times and counts users claim: one user must not be able
-- to keep everybody's report from being refreshed.
create materialized view if not exists public.activity_by_day as
select
  c.day,
  count(distinct c.user_id) as users,
  count(*) as sessions,
  sum(c.seconds) as seconds,
  sum(c.vocabulary_count)::numeric as vocabulary
from (
  select
    s.user_id, s.vocabulary_count,
    (s.ended_at at time zone 'UTC')::date as day,
    floor(extract(epoch from s.ended_at) - extract(epoch from s.started_at)) as seconds
  from public.sessions s
  where s.ended_at is not null
) c
group by c.day
having count(distinct c.user_id) >= public.smallest_reported_group();

create materialized view if not exists public.activity_by_week as
select
  c.day - (extract(isodow from c.day)::integer - 1) as week,
  count(distinct c.user_id) as users,
  count(*) as sessions,
  sum(c.seconds) as seconds,
  sum(c.vocabulary_count)::numeric as vocabulary
from (
  select
    s.user_id, s.vocabulary_count,
    (s.ended_at at time zone 'UTC')::date as day,
    floor(extract(epoch from s.ended_at) - extract(epoch from s.started_at)) as seconds
  from public.sessions s
  where s.ended_at is not null
) c
group by c.day - (extract(isodow from c.day)::integer - 1)
having count(distinct c.user_id) >= public.smallest_reported_group();

-- A cohort is everybody whose first completed session was in one week; week 0 is that week.
create materialized view if not exists public.retention_by_cohort as
select
  a.cohort,
  (a.week - a.cohort) / 7 as weeks_later,
  a.cohort_users,
  count(*) as users,
  round(count(*)::numeric / a.cohort_users, 3) as share
from (
  select
    w.week, w.cohort,
    count(*) filter (where w.week = w.cohort) over (partition by w.cohort) as cohort_users
  from (
    select d.user_id, d.week, min(d.week) over (partition by d.user_id) as cohort
    from (
      select distinct
        s.user_id,
        (s.ended_at at time zone 'UTC')::date
          - (extract(isodow from s.ended_at at time zone 'UTC')::integer - 1) as week
      from public.sessions s
      where s.ended_at is not null
    ) d
  ) w
) a
group by a.cohort, a.week, a.cohort_users
having count(*) >= public.smallest_reported_group();

-- The total counts the weeks that have a row and no others, so that nothing can be told of the rest
-- by subtraction.
create materialized view if not exists public.vocabulary_growth as
select
  w.week,
  w.users,
  w.vocabulary,
  round(w.vocabulary / w.users, 1) as vocabulary_per_user,
  sum(w.vocabulary) over (order by w.week) as total_vocabulary
from (
  select
    c.day - (extract(isodow from c.day)::integer - 1) as week,
    count(distinct c.user_id) as users,
    sum(c.vocabulary_count)::numeric as vocabulary
  from (
    select s.user_id, s.vocabulary_count, (s.ended_at at time zone 'UTC')::date as day
    from public.sessions s
    where s.ended_at is not null and s.vocabulary_count > 0
  ) c
  group by c.day - (extract(isodow from c.day)::integer - 1)
  having count(distinct c.user_id) >= public.smallest_reported_group()
) w;

-- Unique, which a concurrent refresh needs to tell the rows apart.
create unique index if not exists idx_activity_by_day_day on public.activity_by_day (day);
create unique index if not exists idx_activity_by_week_week on public.activity_by_week (week);
create unique index if not exists idx_retention_by_cohort_cohort
  on public.retention_by_cohort (cohort, weeks_later);
create unique index if not exists idx_vocabulary_growth_week on public.vocabulary_growth (week);

-- With its owner's rights, because only the owner may refresh, and because the job must not read
-- sessions. It takes no argument and gives no row. Readers of the reports go on meanwhile.
create or replace function public.refresh_progress_analytics()
returns boolean
language plpgsql
security definer
set search_path = ''
-- Longer than deadlock_timeout, at which a refresh that waits has autovacuum give way.
set lock_timeout = '2s'
as $$
begin
  -- Whoever comes second leaves it to the first, instead of doing all of it again afterwards. The
  -- report itself is the lock, since any login could take an advisory one and never give it back.
  if exists (
    select from pg_catalog.pg_locks l
    where l.pid <> pg_backend_pid()
      and (l.database, l.relation, l.mode) = (
        select d.oid, 'public.activity_by_day'::regclass::oid, 'ExclusiveLock'
        from pg_catalog.pg_database d
        where d.datname = current_database()
      )
  ) then
    return false;
  end if;
  begin
    refresh materialized view concurrently public.activity_by_day;
  exception when lock_not_available then
    return false;
  end;
  refresh materialized view concurrently public.activity_by_week;
  refresh materialized view concurrently public.retention_by_cohort;
  refresh materialized view concurrently public.vocabulary_growth;
  return true;
end
$$;

-- 5. Grants: first none.
revoke all on
  public.progress_trends, public.activity_by_day, public.activity_by_week,
  public.retention_by_cohort, public.vocabulary_growth
  from public, app, anon, authenticated, service_role;
revoke all on function public.smallest_reported_group(), public.refresh_progress_analytics()
  from public, app, anon, authenticated, service_role;

grant select on public.progress_trends to authenticated;
grant select on
  public.activity_by_day, public.activity_by_week, public.retention_by_cohort,
  public.vocabulary_growth
  to service_role;
grant execute on function public.refresh_progress_analytics() to service_role;

-- 6. Comments.
comment on function public.smallest_reported_group() is
  'The fewest users that a row of a report is about. Of a smaller group, who knows the others '
  'knows the one who is left; 5 is a common choice of statistical offices.';
comment on function public.refresh_progress_analytics() is
  'Refreshes the reports, for a job that runs as service_role. False when another does so already '
  'and is not done within 2 s.';

comment on view public.progress_trends is
  'How a user''s learning changes, as of now; each user sees their own row. Weeks are UTC, from '
  'Monday.';
comment on column public.progress_trends.today is 'The UTC day that the figures are as of.';
comment on column public.progress_trends.days_since_last_activity is
  'Whole UTC days; null without a completed session.';
comment on column public.progress_trends.sessions_change is
  'This week so far, less all of last week.';
comment on column public.progress_trends.vocabulary_change is
  'This week so far, less all of last week.';
comment on column public.progress_trends.seconds_change is
  'Seconds, this week so far, less all of last week.';
comment on column public.progress_trends.active_days is
  'Days with a completed session, of the last 28, today included.';
comment on column public.progress_trends.active_days_share is
  'active_days of the last 28 days, or of the days since the first activity; 0 to 1, null without '
  'a completed session.';

comment on materialized view public.activity_by_day is
  'Completed sessions by UTC day, of at least smallest_reported_group() users. As of the last '
  'refresh.';
comment on column public.activity_by_day.seconds is 'From start to end, floored for each session.';
comment on materialized view public.activity_by_week is
  'Completed sessions by UTC week, of at least smallest_reported_group() users. As of the last '
  'refresh.';
comment on column public.activity_by_week.week is 'Its Monday.';
comment on column public.activity_by_week.seconds is
  'From start to end, floored for each session.';
comment on materialized view public.retention_by_cohort is
  'How many of those who began in one week completed a session some weeks later. As of the last '
  'refresh.';
comment on column public.retention_by_cohort.cohort is
  'Monday of the week in which the first completed session of these users ended.';
comment on column public.retention_by_cohort.weeks_later is '0 is the cohort''s own week.';
comment on column public.retention_by_cohort.cohort_users is 'How many began in that week.';
comment on column public.retention_by_cohort.users is
  'How many of them were active so many weeks later; at least smallest_reported_group().';
comment on column public.retention_by_cohort.share is 'users / cohort_users, 0 to 1.';
comment on materialized view public.vocabulary_growth is
  'Vocabulary learned by UTC week, of at least smallest_reported_group() users who learned any. As '
  'of the last refresh.';
comment on column public.vocabulary_growth.week is 'Its Monday.';
comment on column public.vocabulary_growth.total_vocabulary is
  'Of this and the earlier weeks that have a row.';
