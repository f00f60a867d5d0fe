/**
 * A completed session as the reference computation needs it. Times are microseconds since 1970, as
 * whole as PostgreSQL keeps them, and as far: a `Date` of JavaScript ends in the year 275760.
 */
export interface CompletedSession {
  id: string;
  startedAt: bigint;
  endedAt: bigint;
  descriptions: number;
  images: number;
  questions: number;
  vocabulary: number;
}

const SECOND = 1_000_000n;
/** A day in microseconds. */
export const DAY = 86_400n * SECOND;

/** Reads a user's row ($1) as {@link expectedProgress} gives it, with everything else of the row. */
export const STORED_PROGRESS = `
  select p.*,
    trunc(extract(epoch from p.first_activity_at) * 1000000) as first_activity_at,
    trunc(extract(epoch from p.last_activity_at) * 1000000) as last_activity_at
  from public.user_progress p
  where p.user_id = $1`;

/**
 * The columns of `user_progress` that a user's completed sessions add up to: the contract once
 * more, in another language and another way. Numbers are strings, as `pg` gives bigints.
 */
export function expectedProgress(sessions: CompletedSession[]): Record<string, string> {
  const newestFirst = [...sessions].sort(
    (a, b) => compare(b.endedAt, a.endedAt) || compare(b.id, a.id),
  );
  const last = newestFirst[0];
  if (!last) throw new Error("There is no progress without a completed session.");

  const endDay = (s: CompletedSession) => dayOf(s.endedAt);
  const today = sessions.filter((s) => endDay(s) === endDay(last));
  const thisWeek = sessions.filter((s) => mondayOf(endDay(s)) === mondayOf(endDay(last)));
  const seconds = (s: CompletedSession) => (s.endedAt - s.startedAt) / SECOND;
  const time = sum(sessions, seconds);

  const days = new Set(sessions.map(endDay));
  const runEndingOn = (day: bigint): number => (days.has(day) ? 1 + runEndingOn(day - 1n) : 0);

  return {
    ...Object.fromEntries(
      Object.entries({
        total_sessions: sessions.length,
        total_descriptions: sum(sessions, (s) => s.descriptions),
        total_images: sum(sessions, (s) => s.images),
        total_questions: sum(sessions, (s) => s.questions),
        total_vocabulary: sum(sessions, (s) => s.vocabulary),
        total_time_seconds: time,
        sessions_today: today.length,
        sessions_this_week: thisWeek.length,
        descriptions_this_week: sum(thisWeek, (s) => s.descriptions),
        vocabulary_this_week: sum(thisWeek, (s) => s.vocabulary),
        time_this_week_seconds: sum(thisWeek, seconds),
        current_streak_days: runEndingOn(endDay(last)),
        longest_streak_days: Math.max(...[...days].map(runEndingOn)),
        best_session_vocabulary: Math.max(...sessions.map((s) => s.vocabulary)),
        longest_session_seconds: sessions.map(seconds).reduce((a, b) => (a > b ? a : b)),
        average_session_seconds: time / BigInt(sessions.length),
        first_activity_at: sessions.map((s) => s.startedAt).reduce((a, b) => (a < b ? a : b)),
        last_activity_at: last.endedAt,
      }).map(([name, value]) => [name, String(value)]),
    ),
    last_session_id: last.id,
  };
}

/** The day that holds a time, counted from 1970-01-01. */
export function dayOf(time: bigint): bigint {
  return time / DAY - (time % DAY < 0n ? 1n : 0n);
}

/**
 * The Monday at or before a day, by the calendar of the JavaScript runtime. 400 years are a whole
 * number of weeks, so a day beyond that calendar is looked up as the one that many years away.
 */
function mondayOf(day: bigint): bigint {
  const inCalendar = new Date(Number(((day % 146_097n) * DAY) / 1000n));
  return day - BigInt((inCalendar.getUTCDay() + 6) % 7);
}

function sum(
  sessions: CompletedSession[],
  value: (session: CompletedSession) => number | bigint,
): bigint {
  return sessions.reduce((total, session) => total + BigInt(value(session)), 0n);
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
