// What a completed session costs: the update that fires trigger_update_user_progress_from_session,
// less the same update without the trigger.
import { connect, userId } from "./load.mjs";
import { median } from "./queries.mjs";

/** After all sessions that were loaded, and among them. */
const ENDS = { "in order": "2026-06-02 00:30Z", "out of order": "2025-12-02 00:30Z" };
/** Not measured: they fill caches and plans of a connection. */
const FIRST_ROUNDS = 6;

/**
 * Measures completions of several users in turn, so that all meet the same minutes of the machine.
 * Each is undone.
 * @param subjects each with `database`, `user` (its name), `order` and `every`: it has its turn in
 * every so manieth round.
 * @returns for each subject the median `overheadMs` of its trigger, on the server.
 */
export async function measureCompletions(server, subjects, rounds) {
  const connections = new Map();
  for (const { database } of subjects) {
    if (connections.has(database)) continue;
    const [withTrigger, without] = await Promise.all(
      ["app", "app"].map((role) => connect(server, database, role)),
    );
    // Triggers do not fire for what a replica repeats.
    await without.query("set session_replication_role = replica");
    connections.set(database, { withTrigger, without });
  }
  const times = subjects.map(() => ({ withTrigger: [], without: [] }));
  for (let round = -FIRST_ROUNDS; round < rounds; round += 1) {
    for (const [at, { database, user, order, every = 1 }] of subjects.entries()) {
      if (round % every !== 0) continue;
      for (const [way, client] of Object.entries(connections.get(database))) {
        const ms = await complete(client, userId(user), ENDS[order]);
        if (round >= 0) times[at][way].push(ms);
      }
    }
  }
  for (const clients of connections.values()) {
    for (const client of Object.values(clients)) await client.end();
  }
  return times.map(({ withTrigger, without }) => median(withTrigger) - median(without));
}

/** Starts and completes a session as its user, and undoes it: milliseconds of the update. */
async function complete(client, user, end) {
  await client.query("begin; set local role authenticated");
  await client.query("select set_config('request.jwt.claims', $1, true)", [
    JSON.stringify({ sub: user }),
  ]);
  const { rows } = await client.query(
    "insert into public.sessions (user_id, started_at) " +
      "values ($1, $2::timestamptz - interval '20 min') returning id",
    [user, end],
  );
  const explained = await client.query(
    "explain (analyze, format json) update public.sessions set ended_at = $2 where id = $1",
    [rows[0].id, end],
  );
  await client.query("rollback");
  return explained.rows[0]["QUERY PLAN"][0]["Execution Time"];
}
