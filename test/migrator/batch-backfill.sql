-- Purpose   The counters of users who had completed sessions before 001, and completed none since:
--           the shape of a backfill that runs in batches.
-- Requires  001_add_missing_tables
-- Hazards   none: it locks the rows of one batch of users at a time
-- Rollback  loses nothing: counters are a function of sessions

-- batch: table public.users, key id, size 2000, pause 20ms
with completed as (
  select
    s.user_id, s.id, s.started_at, s.ended_at,
    s.descriptions_count, s.images_count, s.questions_count, s.vocabulary_count,
    floor(extract(epoch from s.ended_at) - extract(epoch from s.started_at))::bigint as seconds,
    (s.ended_at at time zone 'UTC')::date - date '1970-01-01' as day
  from public.sessions s
  where s.ended_at is not null /* batch: s.user_id */
),
latest as (
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
  select d.user_id, max(d.day) as last_day, count(*) as days
  from (
    select
      c.user_id, c.day,
      c.day - row_number() over (partition by c.user_id order by c.day) as run
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
join streaks k on k.user_id = t.user_id
join latest l on l.user_id = t.user_id
where p.user_id = t.user_id
  -- Checked again once the row is locked: a completion meanwhile has counted everything already,
  -- and what was computed here would be older.
  and p.last_activity_at is null /* batch: p.user_id */;
