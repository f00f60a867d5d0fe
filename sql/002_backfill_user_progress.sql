-- Purpose   The counters of everybody who had completed sessions before 001 and has completed none
--           since: the same figures that the trigger of 001 gives at their next completion.
-- Requires  001_add_missing_tables, applied and verified; role migrator, with row_security on
-- Hazards   none: it locks the progress rows of one batch of users at a time, and no session;
--           the tables are analyzed, which keeps nobody from reading or writing
-- Rollback  loses nothing: the counters stay, being a function of sessions

-- 1. Prerequisites.
do $$
begin
  if current_user <> 'migrator' then
    raise exception 'SQL002 002_backfill_user_progress was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Row level security shows nobody else the rows. Connect as migrator and run the '
          'file again.';
  end if;
  if to_regclass('public.user_progress') is null
    or to_regprocedure('public.update_user_progress_from_session()') is null
  then
    raise exception
      'SQL006 002_backfill_user_progress needs public.user_progress and its trigger on sessions.'
      using errcode = 'undefined_table',
        hint = 'Apply 001_add_missing_tables.sql and run 001_add_missing_tables_verify.sql first.';
  end if;
end
$$;

-- 2. Statistics. Nobody may have analyzed what 001 has just filled, and without them a batch is
-- planned so badly that it takes minutes.
analyze public.users, public.sessions, public.user_progress;

-- 3. Data. Each batch is a commit of its own, and small: rows are locked once all of it is
-- computed, and a completion waits for the batch that has its user's row. Who is counted already,
-- by the trigger or an earlier run, is left out.
-- batch: table public.users, key id, size 1000, pause 5ms, target 500ms
with uncounted as (
  select u.id
  from public.users u
  left join public.user_progress p on p.user_id = u.id
  where p.last_activity_at is null /* batch: u.id */
),
completed as (
  select
    s.user_id, s.id, s.started_at, s.ended_at,
    s.descriptions_count, s.images_count, s.questions_count, s.vocabulary_count,
    -- As in the trigger: two numbers subtracted, since an interval overflows earlier.
    floor(extract(epoch from s.ended_at) - extract(epoch from s.started_at))::bigint as seconds,
    (s.ended_at at time zone 'UTC')::date - date '1970-01-01' as day
  from public.sessions s
  join uncounted u on u.id = s.user_id
  where s.ended_at is not null /* batch: s.user_id */
),
latest as (
  -- Day 0 was a Thursday; a week starts on the Monday at or before its days.
  select distinct on (c.user_id)
    c.user_id, c.id, c.ended_at, c.day, c.day - ((c.day + 3) % 7 + 7) % 7 as monday
  from completed c
  order by c.user_id, c.ended_at desc, c.id desc
),
totals as (
  select
    c.user_id,
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
    coalesce(sum(c.vocabulary_count) filter (where c.day >= l.monday), 0) as vocabulary_this_week,
    coalesce(sum(c.seconds) filter (where c.day >= l.monday), 0) as time_this_week_seconds,
    max(c.vocabulary_count) as best_session_vocabulary,
    max(c.seconds) as longest_session_seconds,
    min(c.started_at) as first_activity_at
  from completed c
  join latest l on l.user_id = c.user_id
  group by c.user_id
),
runs as (
  -- In a run of consecutive days, day minus rank stays the same.
  select d.user_id, max(d.day) as last_day, count(*) as days
  from (
    select
      c.user_id, c.day, c.day - row_number() over (partition by c.user_id order by c.day) as run
    from completed c
    group by c.user_id, c.day
  ) d
  group by d.user_id, d.run
),
streaks as (
  select
    r.user_id,
    max(r.days) as longest_streak_days,
    max(r.days) filter (where r.last_day = l.day) as current_streak_days
  from runs r
  join latest l on l.user_id = r.user_id
  group by r.user_id
)
insert into public.user_progress as p (
  user_id, total_sessions, total_descriptions, total_images, total_questions, total_vocabulary,
  total_time_seconds, sessions_today, sessions_this_week, descriptions_this_week,
  vocabulary_this_week, time_this_week_seconds, current_streak_days, longest_streak_days,
  best_session_vocabulary, longest_session_seconds, last_session_id, first_activity_at,
  last_activity_at
)
select
  t.user_id, t.total_sessions, t.total_descriptions, t.total_images, t.total_questions,
  t.total_vocabulary, t.total_time_seconds, t.sessions_today, t.sessions_this_week,
  t.descriptions_this_week, t.vocabulary_this_week, t.time_this_week_seconds,
  k.current_streak_days, k.longest_streak_days, t.best_session_vocabulary,
  t.longest_session_seconds, l.id, t.first_activity_at, l.ended_at
from totals t
join streaks k on k.user_id = t.user_id
join latest l on l.user_id = t.user_id
where true /* batch: t.user_id */
-- Nearly everybody has a row, since 001.
on conflict (user_id) do update
set
  total_sessions = excluded.total_sessions,
  total_descriptions = excluded.total_descriptions,
  total_images = excluded.total_images,
  total_questions = excluded.total_questions,
  total_vocabulary = excluded.total_vocabulary,
  total_time_seconds = excluded.total_time_seconds,
  sessions_today = excluded.sessions_today,
  sessions_this_week = excluded.sessions_this_week,
  descriptions_this_week = excluded.descriptions_this_week,
  vocabulary_this_week = excluded.vocabulary_this_week,
  time_this_week_seconds = excluded.time_this_week_seconds,
  current_streak_days = excluded.current_streak_days,
  longest_streak_days = excluded.longest_streak_days,
  best_session_vocabulary = excluded.best_session_vocabulary,
  longest_session_seconds = excluded.longest_session_seconds,
  last_session_id = excluded.last_session_id,
  first_activity_at = excluded.first_activity_at,
  last_activity_at = excluded.last_activity_at
-- Asked of the row once it is locked: a completion meanwhile has counted everything already, and
-- what was computed here would be older.
where p.last_activity_at is null;
