// 10,000 users with a history, and two of the application's clients that go on working meanwhile.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";

const USERS = 10_000;

/** Users with five completed sessions on different days and one that is open; a superuser runs it. */
export const LEARNERS = `
  insert into public.users (email) select 'learner-' || n from generate_series(1, ${USERS}) n;
  insert into public.sessions (user_id, started_at, ended_at, vocabulary_count)
  select u.id, t.at, case when n > 0 then t.at + n * interval '13 min' end, n % 5
    from (select id, row_number() over () as number from public.users where email like 'learner-%') u,
         generate_series(0, 5) n,
         lateral (select timestamptz '2026-05-01Z' + (n * n * (u.number % 7)) * interval '5 h' as at) t;
  insert into public.user_progress (user_id)
  select id from public.users where email like 'learner-%';
  insert into public.export_history (user_id, export_type, format)
  select id, 'full', 'csv' from public.users where email like 'learner-%';
  analyze`;

/** A transaction of the application. */
export interface Request {
  kind: "write" | "read";
  /** When it began, in milliseconds since 1970. */
  at: number;
  /** How long it took, in milliseconds. */
  ms: number;
  rows: number;
}

/**
 * Starts a client that completes sessions and one that reads a user's own, each as `app` does.
 * @param sessions the open ones.
 * @returns ends both and gives all that they did. @throws Error where one of them was refused.
 */
export function startLearning(
  url: string,
  sessions: { id: string; user_id: string }[],
): () => Promise<Request[]> {
  const requests: Request[] = [];
  let running = true;
  const client = async (kind: Request["kind"], sql: string) => {
    const app = new Client({ connectionString: url });
    await app.connect();
    try {
      for (let n = 0; running; n += 1) {
        const { id, user_id: user } = sessions[n % sessions.length] ?? { id: "", user_id: "" };
        const at = Date.now();
        const from = performance.now();
        await app.query("begin; set local role authenticated");
        const claims = JSON.stringify({ sub: user });
        await app.query("select set_config('request.jwt.claims', $1, true)", [claims]);
        const { rowCount } = await app.query(sql, [kind === "write" ? id : user]);
        await app.query("commit");
        requests.push({ kind, at, ms: performance.now() - from, rows: rowCount ?? 0 });
        await sleep(5);
      }
    } finally {
      await app.end();
    }
  };
  const both = Promise.all([
    client(
      "write",
      "update public.sessions set ended_at = started_at + interval '1 h' where id = $1",
    ),
    client("read", "select count(*) from public.sessions where user_id = $1"),
  ]);
  // Told by whoever ends them.
  both.catch(() => undefined);
  return async () => {
    running = false;
    await both;
    return requests;
  };
}
