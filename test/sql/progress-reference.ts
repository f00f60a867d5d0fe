/** A completed session as the reference computation needs it; times in milliseconds since 1970. */
export interface CompletedSession {
  id: string;
  startedAt: number;
  endedAt: number;
  descriptions: number;
  images: number;
  questions: number;
  vocabulary: number;
}

const DAY = 86_400_000;

/**
 * The columns of `user_progress` that a user's completed sessions add up to: the contract once
 * more, in another language and another way. Counters are strings, as `pg` gives bigints.
 */
export function expectedProgress(sessions: CompletedSession[]): Record<string, unknown> {
  const newestFirst = [...sessions].sort(
    (a, b) => b.endedAt - a.endedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
  );
  const last = newestFirst[0];
  if (!last) throw new Error("There is no progress without a completed session.");

  const isToday = (s: CompletedSession) => dayOf(s.endedAt) === dayOf(last.endedAt);
  const isThisWeek = (s: CompletedSession) => mondayOf(s.endedAt) === mondayOf(last.endedAt);
  const thisWeek = sessions.filter(isThisWeek);
  const seconds = (s: CompletedSession) => Math.floor((s.endedAt - s.startedAt) / 1000);
  const time = sum(sessions, seconds);

  const days = new Set(sessions.map((s) => dayOf(s.endedAt)));
  const runEndingOn = (day: number): number => (days.has(day) ? 1 + runEndingOn(day - 1) : 0);

  return {
    ...Object.fromEntries(
      Object.entries({
        total_sessions: sessions.length,
        total_descriptions: sum(sessions, (s) => s.descriptions),
        total_images: sum(sessions, (s) => s.images),
        total_questions: sum(sessions, (s) => s.questions),
        total_vocabulary: sum(sessions, (s) => s.vocabulary),
        total_time_seconds: time,
        sessions_today: sessions.filter(isToday).length,
        sessions_this_week: thisWeek.length,
        descriptions_this_week: sum(thisWeek, (s) => s.descriptions),
        vocabulary_this_week: sum(thisWeek, (s) => s.vocabulary),
        time_this_week_seconds: sum(thisWeek, seconds),
        current_streak_days: runEndingOn(dayOf(last.endedAt)),
        longest_streak_days: Math.max(...[...days].map(runEndingOn)),
        best_session_vocabulary: Math.max(...sessions.map((s) => s.vocabulary)),
        longest_session_seconds: Math.max(...sessions.map(seconds)),
        average_session_seconds: Math.floor(time / sessions.length),
      }).map(([name, value]) => [name, String(value)]),
    ),
    last_session_id: last.id,
    first_activity_at: new Date(Math.min(...sessions.map((s) => s.startedAt))),
    last_activity_at: new Date(last.endedAt),
  };
}

function dayOf(time: number): number {
  return Math.floor(time / DAY);
}

/** The day number of the Monday at or before a time, by the calendar of the JavaScript runtime. */
function mondayOf(time: number): number {
  return dayOf(time) - ((new Date(time).getUTCDay() + 6) % 7);
}

function sum(sessions: CompletedSession[], value: (session: CompletedSession) => number): number {
  return sessions.reduce((total, session) => total + value(session), 0);
}
