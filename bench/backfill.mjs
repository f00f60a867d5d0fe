// What 002_backfill_user_progress costs: its time as a multiple of one plain `insert … select` of the
// same figures, and how much longer a completion and a read wait meanwhile. Ends with exit code 1 when
// the multiple is above 2, a wait above 50 ms more than without it, or a counter wrong.
// Usage: npm run build, then node bench/backfill.mjs [--users N] [--sessions N a user] [--json]
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { removePostgres, startPostgres } from "../tools/local/postgres.mjs";

const MOST_TIMES_PLAIN = 2;
const MOST_WAIT_MS = 50;
const PROGRAM = fileURLToPath(new URL("../migrator/bin/migrator.mjs", import.meta.url));
const SQL = fileURLToPath(new URL("../sql", import.meta.url));
const NAME = "002_backfill_user_progress";

const { values: options } = parseArgs({
  options: {
    users: { type: "string", default: "100000" },
    sessions: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
  },
});

const directory = mkdtempSync(path.join(tmpdir(), "app-data-backfill-"));
try {
  const server = await startPostgres({ directory });
  const figures = await measure(server);
  const failings = judge(figures);
  if (failings.length > 0) process.exitCode = 1;
  process.stdout.write(
    options.json ? `${JSON.stringify({ ...figures, failings })}\n` : draw(figures, failings),
  );
} finally {
  await removePostgres({ directory });
  rmSync(directory, { recursive: true, force: true });
}

async function measure({ host, port, password }) {
  const connection = { host, port, user: "postgres", password };
  const admin = await connect({ ...connection, database: "postgres" });
  await admin.query(`
    create role migrator login password 'bench';
    create role app; create role anon; create role authenticated; create role service_role`);
  await admin.query("create database bench owner migrator");
  await admin.end();

  const url = `postgresql://migrator:bench@${host}:${port}/bench`;
  await migrate(url, "001");
  const client = await connect({ ...connection, database: "bench" });
  await fill(client);

  const load = startLoad({ ...connection, database: "bench" }, await openSessions(client));
  const figures = {};
  let completed;
  try {
    await sleep(3_000);
    figures.without = load.longest();

    const login = { ...connection, user: "migrator", password: "bench", database: "bench" };
    const migrator = await connect(login);
    const [, statement] = readFileSync(path.join(SQL, `${NAME}.sql`), "utf8").split("-- batch: ");
    figures.plainMs = await timed(() => migrator.query(`-- ${statement}`));
    await migrator.end();
    figures.besidePlain = load.longest();

    // As 001 leaves it: a row for everybody, and nothing counted.
    await client.query("truncate public.user_progress");
    await client.query(
      "insert into public.user_progress (user_id) select id from public.users on conflict do nothing",
    );
    await client.query("vacuum analyze public.user_progress");
    await client.query("checkpoint");
    load.longest();
    await migrate(url, "002");
    figures.during = load.longest();
  } finally {
    completed = await load.stop();
  }
  const { rows: entries } = await client.query(
    "select duration_ms::float as ms from migrations.log where version = '002' and event = 'apply'",
  );
  await client.query("set role migrator");
  const verify = readFileSync(path.join(SQL, `${NAME}_verify.sql`), "utf8");
  figures.verifyMs = await timed(() => client.query(verify));
  await client.end();
  return { ...figures, users: Number(options.users), migrationMs: entries[0].ms, completed };
}

/** Users with sessions: the last of each open, the others completed on many days. */
async function fill(client) {
  await client.query(`
    set session_replication_role = replica;
    insert into public.users (email) select n || '@example.org' from generate_series(1, ${Number(options.users)}) n;
    insert into public.sessions (user_id, started_at, ended_at, vocabulary_count, images_count)
      select u.id, t.at, case when n < ${Number(options.sessions)} then t.at + n * interval '11 min' end, n % 7, n % 3
        from (select id, row_number() over () as number from public.users) u,
             generate_series(0, ${Number(options.sessions)}) n,
             lateral (select timestamptz '2026-03-01Z' + (n * (1 + u.number % 5)) * interval '9 h' as at) t;
    reset session_replication_role`);
  await client.query("vacuum analyze public.users, public.sessions");
}

async function openSessions(client) {
  const { rows } = await client.query(
    "select id, user_id from public.sessions where ended_at is null order by id limit 20000",
  );
  return rows;
}

/** One client that completes sessions and one that reads a user's own, without a rest. */
function startLoad(connection, sessions) {
  let running = true;
  let longest = { completion: 0, read: 0 };
  let completed = 0;
  const loop = async (name, query) => {
    const client = await connect(connection);
    for (let at = 0; running; at += 1) {
      const session = sessions[at % sessions.length];
      const ms = await timed(() => query(client, session));
      longest[name] = Math.max(longest[name], ms);
      await sleep(2);
    }
    await client.end();
  };
  const loops = [
    loop("completion", async (client, { id }) => {
      const { rowCount } = await client.query(
        "update public.sessions set ended_at = started_at + interval '1 h' where id = $1 and ended_at is null",
        [id],
      );
      completed += rowCount;
    }),
    loop("read", (client, { user_id: user }) =>
      client.query("select count(*) from public.sessions where user_id = $1", [user]),
    ),
  ];
  return {
    longest() {
      const found = longest;
      longest = { completion: 0, read: 0 };
      return found;
    },
    async stop() {
      running = false;
      await Promise.all(loops);
      return completed;
    },
  };
}

function migrate(url, target) {
  const env = { ...process.env, MIGRATOR_URL: url };
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [PROGRAM, "up", "--target", target, "--directory", SQL],
      { env },
      (error, out, err) => (error ? reject(new Error(`${out}${err.slice(-2000)}`)) : resolve()),
    );
  });
}

async function connect(connection) {
  const client = new pg.Client(connection);
  await client.connect();
  return client;
}

async function timed(work) {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function judge({ plainMs, migrationMs, verifyMs, without, during }) {
  const times = (migrationMs - verifyMs) / plainMs;
  return [
    ...(times > MOST_TIMES_PLAIN ? [`it took ${times.toFixed(2)} times the plain statement`] : []),
    ...Object.entries(during)
      .filter(([name, ms]) => ms - without[name] > MOST_WAIT_MS)
      .map(
        ([name, ms]) =>
          `a ${name} took ${ms.toFixed(1)} ms, without it ${without[name].toFixed(1)}`,
      ),
  ];
}

function draw(figures, failings) {
  const { plainMs, migrationMs, verifyMs } = figures;
  const seconds = (ms) => `${(ms / 1_000).toFixed(2)} s`;
  const longest = (name) => {
    const [alone, plain, batches] = ["without", "besidePlain", "during"].map((when) =>
      figures[when][name].toFixed(1),
    );
    return `longest ${name}: ${alone} ms alone, ${plain} ms beside the statement, ${batches} ms beside 002\n`;
  };
  return (
    `${figures.users.toLocaleString("en")} users, ${options.sessions} completed sessions each\n` +
    `plain insert … select ${seconds(plainMs)}; 002 ${seconds(migrationMs - verifyMs)}, ` +
    `${((migrationMs - verifyMs) / plainMs).toFixed(2)} times; verify ${seconds(verifyMs)}\n` +
    `${longest("completion")}${longest("read")}` +
    `${figures.completed} sessions completed meanwhile\n` +
    (failings.length === 0 ? "all within the limits\n" : `TOO MUCH: ${failings.join("; ")}\n`)
  );
}
