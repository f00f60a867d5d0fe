import pg from "pg";
import type { ExportFilters, ExportType } from "./request.js";

/** One table of an export. */
export interface Part {
  /** Name of its file in a zip, without the ending. */
  readonly name: string;
  readonly columns: readonly string[];
  /** Those with text that a user has written. */
  readonly texts: readonly string[];
  /** A query of those columns, with nothing to bind: `COPY` takes no values. */
  readonly query: string;
}

// Row level security leaves the user's own rows; no query here says whose they are.
function sessionsWithin({ from, to }: ExportFilters): string {
  const bounds = [
    ...(from === undefined ? [] : [`s.started_at >= ${pg.escapeLiteral(from)}`]),
    ...(to === undefined ? [] : [`s.started_at < ${pg.escapeLiteral(to)}`]),
  ];
  return bounds.length === 0 ? "true" : bounds.join(" and ");
}

const ACCOUNT = ["id", "email", "created_at"];
const PROGRESS = [
  ...["total_sessions", "total_descriptions", "total_images", "total_questions"],
  ...["total_vocabulary", "total_time_seconds", "sessions_today", "sessions_this_week"],
  ...["descriptions_this_week", "vocabulary_this_week", "time_this_week_seconds"],
  ...["current_streak_days", "longest_streak_days", "best_session_vocabulary"],
  ...["longest_session_seconds", "average_session_seconds", "first_activity_at"],
  ...["last_activity_at", "achievements", "preferences"],
];
const SESSIONS = [
  ...["id", "started_at", "ended_at", "descriptions_count", "images_count", "questions_count"],
  "vocabulary_count",
];
const VOCABULARY = ["session_id", "learnt_at", "words", "words_so_far"];
const EXPORTS = [
  ...["id", "export_type", "format", "status", "file_size_bytes", "row_count", "filters"],
  ...["created_at", "completed_at", "expires_at", "download_count"],
];

/** The tables of a type of export, in their order. */
export function partsOf(type: ExportType, filters: ExportFilters): readonly Part[] {
  const within = sessionsWithin(filters);
  const whole = (
    name: string,
    columns: readonly string[],
    table: string,
    texts: readonly string[],
  ): Part => ({ name, columns, texts, query: `select ${columns.join(", ")} from public.${table}` });
  const progress = whole("progress", PROGRESS, "user_progress", ["achievements", "preferences"]);
  const sessions: Part = {
    name: "sessions",
    columns: SESSIONS,
    query: `select ${SESSIONS.join(", ")} from public.sessions s where ${within}`,
    texts: [],
  };
  const vocabulary: Part = {
    name: "vocabulary",
    columns: VOCABULARY,
    query:
      "select s.id as session_id, s.ended_at as learnt_at, s.vocabulary_count as words, " +
      "sum(s.vocabulary_count) over (order by s.ended_at, s.id) as words_so_far " +
      `from public.sessions s where s.ended_at is not null and s.vocabulary_count > 0 and ${within}`,
    texts: [],
  };
  switch (type) {
    case "progress":
      return [progress];
    case "sessions":
      return [sessions];
    case "vocabulary":
      return [vocabulary];
    case "full":
      return [
        whole("account", ACCOUNT, "users", ["email"]),
        progress,
        sessions,
        vocabulary,
        whole("exports", EXPORTS, "export_history", ["filters"]),
        whole("archived-exports", [...EXPORTS, "archived_at"], "export_archive", ["filters"]),
      ];
  }
}
