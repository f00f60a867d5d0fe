// Checked by `npm run typecheck` alone: what must compile, beside what must not.
import type {
  Insertable,
  Selectable,
  Tables,
  TablesInsert,
  TablesUpdate,
  Updatable,
} from "../../src/types";

const userId = "0b5a3c3e-8a0e-4a43-9b61-0d8f5d0a9d11";

/** Columns with a default, and those that may be null, can be left out; others cannot. */
export const inserts: TablesInsert<"sessions">[] = [
  { user_id: userId, started_at: "2026-11-22T18:14:00Z" },
  { user_id: userId, started_at: "2026-11-22T18:14:00Z", ended_at: null, images_count: 3 },
  // @ts-expect-error: started_at has no default
  { user_id: userId },
  // @ts-expect-error: user_id is not null
  { user_id: null, started_at: "2026-11-22T18:14:00Z" },
  // @ts-expect-error: there is no such column
  { user_id: userId, started_at: "2026-11-22T18:14:00Z", duration_seconds: 60 },
  // @ts-expect-error: a Date has milliseconds alone
  { user_id: userId, started_at: new Date() },
];

/** A generated column is never written. */
export const progress: TablesUpdate<"user_progress">[] = [
  { total_sessions: 1n, preferences: { theme: "dark" } },
  // @ts-expect-error: average_session_seconds is generated
  { average_session_seconds: 60n },
  // @ts-expect-error: a bigint column takes a bigint
  { total_sessions: 1 },
  // @ts-expect-error: preferences is not null
  { preferences: null },
  // @ts-expect-error: the constraint wants an object
  { preferences: ["dark"] },
];
export const newProgress: TablesInsert<"user_progress">[] = [
  { user_id: userId },
  // @ts-expect-error: average_session_seconds is generated
  { user_id: userId, average_session_seconds: 60n },
];

/** A row is what pg gives with databaseTypes. */
export function readRow(row: Tables<"user_progress">, keys: Tables<"user_api_keys">): void {
  const sum: bigint = row.total_sessions + 1n;
  const message: Buffer = keys.encrypted_keys;
  const created: string = row.created_at;
  const average: bigint | null = row.average_session_seconds;
  // @ts-expect-error: a bigint is no number
  const rounded: number = row.total_sessions;
  // @ts-expect-error: it can be null
  const certain: bigint = row.average_session_seconds;
  // @ts-expect-error: bytea is no text
  const text: string = keys.encrypted_keys;
  void [sum, message, created, average, rounded, certain, text];
}

/** A check constraint with a list leaves a column those values. */
export const exports: TablesInsert<"export_history">[] = [
  { user_id: userId, export_type: "full", format: "csv", status: "pending" },
  // @ts-expect-error: the constraint does not know this status
  { user_id: userId, export_type: "full", format: "csv", status: "done" },
];

/** A user sets their preferences, and no counter; jobs set achievements. */
export const byUser: Updatable<"authenticated", "user_progress">[] = [
  { preferences: { theme: "dark" } },
  // @ts-expect-error: no grant to update a counter
  { total_sessions: 1_000_000n },
  // @ts-expect-error: jobs alone award achievements
  { achievements: {} },
];
export const byJob: Updatable<"service_role", "user_progress"> = { achievements: { streak: 7 } };
export const newExport: Insertable<"authenticated", "export_history">[] = [
  { user_id: userId, export_type: "progress", format: "jsonl", filters: {} },
  // @ts-expect-error: a user does not say where an export is stored
  { user_id: userId, export_type: "progress", format: "jsonl", storage_bucket: "elsewhere" },
];
export const email = (user: Selectable<"authenticated", "users">): string => user.email;

// @ts-expect-error: no job reads API keys
export type KeysOfAll = Selectable<"service_role", "user_api_keys">;
// @ts-expect-error: anon has no right at all
export type Anonymous = Selectable<"anon", "users">;
