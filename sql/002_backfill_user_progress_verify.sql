-- Purpose   Raise unless every counter of every user is what their completed sessions add up to.
--           Computed otherwise than by 001 and 002: a day starts a streak when the day before has
--           no session, and the streak of a day is how many days it is after the last such start.
-- Requires  role migrator, with row_security on
-- Hazards   none: writes nothing; reads every session once
-- Rollback  loses nothing

do $verify$
declare
  wrong bigint;
  examples text;
begin
  if current_user <> 'migrator' then
    raise exception
      'SQL002 002_backfill_user_progress_verify was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Row level security would hide rows from another role, and nothing would be found.';
  end if;

  with completed as (
    select
      s.user_id, s.id, s.started_at, s.ended_at, s.descriptions_count, s.images_count,
      s.questions_count, s.vocabulary_count,
      (s.ended_at at time zone 'UTC')::date as day,
      floor(extract(epoch from s.ended_at) - extract(epoch from s.started_at)) as seconds,
      lag((s.ended_at at time zone 'UTC')::date) over in_time as day_before,
      last_value((s.ended_at at time zone 'UTC')::date) over to_the_end as last_day,
      last_value(s.id) over to_the_end as last_id
    from public.sessions s
    where s.ended_at is not null
    window
      in_time as (partition by s.user_id order by s.ended_at, s.id),
      to_the_end as (in_time rows between unbounded preceding and unbounded following)
  ),
  started as (
    select
      c.*,
      c.last_day - (extract(isodow from c.last_day)::integer - 1) as monday,
      -- A difference, since the first day of the calendar has no day before.
      max(c.day) filter (where c.day_before is null or c.day - c.day_before > 1)
        over (partition by c.user_id order by c.ended_at, c.id) as streak_start
    from completed c
  ),
  figures as (
    select
      c.user_id,
      array[
        count(*), sum(c.descriptions_count), sum(c.images_count), sum(c.questions_count),
        sum(c.vocabulary_count), sum(c.seconds),
        count(*) filter (where c.day = c.last_day),
        count(*) filter (where c.day >= c.monday),
        sum(c.descriptions_count) filter (where c.day >= c.monday),
        sum(c.vocabulary_count) filter (where c.day >= c.monday),
        sum(c.seconds) filter (where c.day >= c.monday),
        max(c.day - c.streak_start + 1) filter (where c.day = c.last_day),
        max(c.day - c.streak_start + 1),
        max(c.vocabulary_count), max(c.seconds)
      ]::numeric[] as counters,
      min(c.last_id::text) as last_session_id,
      min(c.started_at) as first_activity_at,
      max(c.ended_at) as last_activity_at
    from started c
    group by c.user_id
  ),
  stored as (
    select
      p.user_id,
      array[
        p.total_sessions, p.total_descriptions, p.total_images, p.total_questions,
        p.total_vocabulary, p.total_time_seconds, p.sessions_today, p.sessions_this_week,
        p.descriptions_this_week, p.vocabulary_this_week, p.time_this_week_seconds,
        p.current_streak_days, p.longest_streak_days, p.best_session_vocabulary,
        p.longest_session_seconds
      ]::numeric[] as counters,
      p.last_session_id::text, p.first_activity_at, p.last_activity_at
    from public.user_progress p
  ),
  different as (
    select coalesce(f.user_id, p.user_id) as user_id
    from figures f
    full join stored p on p.user_id = f.user_id
    where (
        coalesce(p.counters, array_fill(0::numeric, array[15])),
        p.last_session_id, p.first_activity_at, p.last_activity_at
      ) is distinct from (
        coalesce(f.counters, array_fill(0::numeric, array[15])),
        f.last_session_id, f.first_activity_at, f.last_activity_at
      )
  )
  select
    count(*),
    string_agg(d.user_id::text, ', ' order by d.user_id) filter (where d.number <= 5)
  into wrong, examples
  from (select user_id, row_number() over (order by user_id) as number from different) d;

  if wrong > 0 then
    raise exception
      E'SQL007 002_backfill_user_progress does not hold (problems: 1).\n- the counters of % users '
      'are not what their completed sessions add up to: %',
      wrong, examples || case when wrong > 5 then ', …' else '' end
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Find out who wrote the counters or changed completed sessions. Then set '
          'last_activity_at of these users to null and apply 002_backfill_user_progress.sql again: '
          'it counts whoever has none. Whoever has no completed session any more is set back by '
          'hand: docs/migrations/002-backfill-user-progress.md has the statement.';
  end if;
end
$verify$;
