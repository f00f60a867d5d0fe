// What a completed session costs: time of the UPDATE that fires
// trigger_update_user_progress_from_session, by how many sessions its user has completed, with and
// without the index that 000 makes. Usage: node bench/progress-trigger.mjs
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { removePostgres, startPostgres } from "../tools/local/postgres.mjs";

const TOTAL_SESSIONS = 400_000;
/** Completed sessions of the users that are measured; all others have 100. */
const MEASURED = [1, 100, 1_000, 10_000];
const COMPLETIONS = 200;

const directory = mkdtempSync(path.join(tmpdir(), "app-data-bench-"));
const server = await startPostgres({ directory });
try {
  const connection = { host: server.host, port: server.port, user: "postgres" };
  const admin = new pg.Client({ ...connection, password: server.password, database: "postgres" });
  await admin.connect();
  await admin.query("create role migrator");
  for (const role of ["app", "anon", "authenticated", "service_role"]) {
    await admin.query(`create role ${role}`);
  }
  await admin.query("create database bench owner migrator");
  await admin.end();

  const client = new pg.Client({ ...connection, password: server.password, database: "bench" });
  await client.connect();
  await client.query("set role migrator");
  for (const name of ["000_existing_schema", "001_add_missing_tables"]) {
    await client.query(readFileSync(new URL(`../sql/${name}.sql`, import.meta.url), "utf8"));
  }
  await client.query("reset role");
  const users = await fill(client);

  for (const index of ["with idx_sessions_user_id", "without"]) {
    if (index === "without") await client.query("drop index public.idx_sessions_user_id");
    console.log(`${TOTAL_SESSIONS.toLocaleString("en")} sessions, ${index}:`);
    for (const [completed, user] of users) {
      const rounds = index === "without" ? COMPLETIONS / 10 : COMPLETIONS;
      const { median, p95 } = await measure(client, user, rounds);
      console.log(
        `  user with ${completed.toLocaleString("en").padStart(6)} completed: ` +
          `median ${median.toFixed(2)} ms, 95 % under ${p95.toFixed(2)} ms`,
      );
    }
  }
  await client.end();
} finally {
  await removePostgres({ directory });
}

/** Fills the tables and gives the users to measure, by the number of their completed sessions. */
async function fill(client) {
  const users = new Map();
  const insert =
    "insert into public.sessions (user_id, started_at, ended_at, vocabulary_count) " +
    "select $1, t, t + interval '20 min', n % 30 from generate_series(1, $2::int) n, " +
    "lateral (select timestamptz '2026-06-01Z' - n * interval '7 h' as t) s";
  for (const completed of MEASURED) {
    const { rows } = await client.query(
      "insert into public.users (email) values ($1) returning id",
      [`measured-${completed}`],
    );
    await client.query(insert, [rows[0].id, completed]);
    users.set(completed, rows[0].id);
  }
  const others = (TOTAL_SESSIONS - MEASURED.reduce((a, b) => a + b, 0)) / 100;
  await client.query(
    "insert into public.users (email) select 'other-' || n from generate_series(1, $1::int) n",
    [Math.floor(others)],
  );
  await client.query(
    "insert into public.sessions (user_id, started_at, ended_at, vocabulary_count) " +
      "select u.id, t, t + interval '20 min', n % 30 from generate_series(1, 100) n, " +
      "lateral (select timestamptz '2026-06-01Z' - n * interval '7 h' as t) s, public.users u " +
      "where u.email like 'other-%'",
  );
  await client.query("insert into public.user_progress (user_id) select id from public.users");
  await client.query("vacuum analyze");
  return users;
}

/** Times of the UPDATE alone, in milliseconds; each completion is undone. */
async function measure(client, user, rounds) {
  const times = [];
  for (let round = -5; round < rounds; round += 1) {
    await client.query("begin");
    const { rows } = await client.query(
      "insert into public.sessions (user_id, started_at) values ($1, '2026-06-02Z') returning id",
      [user],
    );
    await client.query("set local role authenticated");
    await client.query("select set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ sub: user }),
    ]);
    const start = process.hrtime.bigint();
    await client.query("update public.sessions set ended_at = '2026-06-02 00:30Z' where id = $1", [
      rows[0].id,
    ]);
    // The first rounds fill caches and plans.
    if (round >= 0) times.push(Number(process.hrtime.bigint() - start) / 1e6);
    await client.query("rollback");
  }
  times.sort((a, b) => a - b);
  return { median: times[rounds >> 1], p95: times[Math.floor(rounds * 0.95)] };
}
