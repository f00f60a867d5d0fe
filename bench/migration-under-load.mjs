// What users notice while 001 is applied: requests before, during and after, with the longest, and
// what failed. Ends with exit code 1 when a request failed or took longer than the lock timeout and
// 100 ms, or when a user was left without a row. Usage: npm run build, then node bench/migration-under-load.mjs [--help]
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { removePostgres, startPostgres } from "../tools/local/postgres.mjs";
import { startRequests } from "./requests.mjs";

const HELP = `node bench/migration-under-load.mjs [--users N] [--sessions N] [--clients N] [--seconds N]
       [--lock-timeout MS] [--directory FOLDER] [--json]

  --users         There before. Default: 1000000.
  --sessions      There before, half of them open. Default: 2000000.
  --clients       That read, and as many that write. Default: 8.
  --seconds       Of requests before, and after. Default: 5.
  --lock-timeout  Of the migrator, in milliseconds. Default: 3000.
  --directory     Of the migrations. Default: sql.
  --json          Prints the figures as JSON.
`;
const PROGRAM = fileURLToPath(new URL("../migrator/bin/migrator.mjs", import.meta.url));
const PEOPLE = 5_000;
/** What a request may take beyond the lock timeout. */
const GRACE_MS = 100;

const { values: options } = parseArgs({
  options: {
    users: { type: "string", default: "1000000" },
    sessions: { type: "string", default: "2000000" },
    clients: { type: "string", default: "8" },
    seconds: { type: "string", default: "5" },
    "lock-timeout": { type: "string", default: "3000" },
    directory: { type: "string", default: fileURLToPath(new URL("../sql", import.meta.url)) },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (options.help) process.stdout.write(HELP);
else await main();

async function main() {
  const directory = mkdtempSync(path.join(tmpdir(), "app-data-load-"));
  try {
    const server = await startPostgres({ directory: path.join(directory, "server") });
    const figures = await measure(server);
    const failings = judge(figures);
    if (failings.length > 0) process.exitCode = 1;
    process.stdout.write(
      options.json ? `${JSON.stringify({ ...figures, failings })}\n` : draw(figures, failings),
    );
  } finally {
    await removePostgres({ directory: path.join(directory, "server") });
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(server) {
  const password = randomBytes(18).toString("base64url");
  const { host, port } = server;
  const admin = await connect({ host, port, user: "postgres", password: server.password });
  await admin.query(`
    create role migrator login nosuperuser nobypassrls password '${password}';
    create role anon nologin; create role authenticated nologin; create role service_role nologin;
    create role monitor nologin;
    create role app login noinherit nosuperuser nobypassrls password '${password}';
    grant anon, authenticated, service_role to app with inherit false, set true`);
  await admin.query("create database load owner migrator");
  await admin.end();
  const address = { host, port, database: "load" };
  const url = `postgresql://migrator:${password}@${host}:${port}/load`;

  await migrate(url, "--target", "000", "--connect-role", "app");
  const superuser = await connect({ ...address, user: "postgres", password: server.password });
  const people = await fill(superuser);

  const load = await startRequests({
    connection: { ...address, user: "app", password },
    people,
    clients: Number(options.clients),
  });
  const from = performance.now();
  let began, ended, report;
  try {
    await sleep(Number(options.seconds) * 1_000);
    began = performance.now();
    report = await migrate(url, "--connect-role", "app");
    ended = performance.now();
    await sleep(Number(options.seconds) * 1_000);
  } finally {
    await load.stop();
  }

  const missing = await superuser.query(
    `select count(*)::integer as users from public.users u
      where not exists (select from public.user_progress p where p.user_id = u.id)
        and u.id = any ($1)`,
    [people],
  );
  await superuser.end();
  const { requests } = load;
  return {
    seconds: (ended - began) / 1_000,
    tries: report.split("was not to be had").length,
    batches: Number(/written in ([\d,]+) batches/.exec(report)?.[1]?.replaceAll(",", "") ?? 0),
    usersWithoutRow: missing.rows[0].users,
    errors: requests.flatMap(({ name, error }) => (error ? [`${name}: ${error}`] : [])),
    before: describe(requests.filter(({ start, end }) => start >= from && end <= began)),
    during: describe(requests.filter(({ start, end }) => end > began && start < ended)),
    after: describe(requests.filter(({ start }) => start >= ended)),
  };
}

/** Makes users and their sessions, and gives ids of some. Nobody's rules bind the superuser. */
async function fill(superuser) {
  await superuser.query(`
    set session_replication_role = replica;
    set synchronous_commit = off;
    insert into public.users (email, created_at)
      select n || '@example.com', now() - interval '30 days' from generate_series(1, ${Number(options.users)}) n;
    insert into public.sessions (user_id, started_at, ended_at)
      select u.id, now() - interval '20 days', case when n % 2 = 0 then now() - interval '19 days' end
        from (select id, row_number() over () as number from public.users) u
        join generate_series(1, ${Number(options.sessions)}) n
          on u.number = 1 + n % ${Number(options.users)};
    reset session_replication_role`);
  await superuser.query("vacuum analyze public.users, public.sessions");
  await superuser.query("checkpoint");
  const { rows } = await superuser.query("select id from public.users limit $1", [PEOPLE]);
  return rows.map(({ id }) => id);
}

/** Runs the migrator in a process of its own: what it computes must not delay the clients here. */
function migrate(url, ...args) {
  const settings = ["--directory", options.directory, "--lock-timeout", options["lock-timeout"]];
  const env = { ...process.env, MIGRATOR_URL: url };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [PROGRAM, "up", ...settings, ...args], { env }, (error, out, err) =>
      error ? reject(new Error(`${out}${err}`, { cause: error })) : resolve(`${out}${err}`),
    );
  });
}

async function connect(connection) {
  const client = new pg.Client({ database: "postgres", ...connection });
  await client.connect();
  return client;
}

function describe(requests) {
  const times = requests.map(({ start, end }) => end - start).sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const longest = requests.reduce((a, b) => (a && a.end - a.start > b.end - b.start ? a : b), null);
  return {
    requests: times.length,
    p50: at(0.5),
    p99: at(0.99),
    longest: at(1),
    slowest: longest?.name ?? null,
  };
}

/** What must not be, in words; empty when all is well. */
function judge({ errors, usersWithoutRow, during }) {
  const limit = Number(options["lock-timeout"]) + GRACE_MS;
  return [
    ...(errors.length > 0 ? [`${errors.length} requests failed`] : []),
    ...(during.requests === 0 ? ["no request was made meanwhile"] : []),
    ...(during.longest > limit
      ? [`${during.slowest} took ${during.longest.toFixed(1)} ms, more than ${limit} ms`]
      : []),
    ...(usersWithoutRow > 0 ? [`${usersWithoutRow} users were left without a row`] : []),
  ];
}

function draw({ seconds, tries, batches, usersWithoutRow, errors, ...phases }, failings) {
  const lines = ["before", "during", "after"].map((name) => {
    const { requests, p50, p99, longest, slowest } = phases[name];
    const times = [p50, p99, longest].map((ms) => `${ms.toFixed(1)} ms`.padStart(12)).join("");
    return `${name.padEnd(8)}${String(requests).padStart(9)}${times}   ${slowest}`;
  });
  return [
    `${options.users} users, ${options.sessions} sessions, ${2 * Number(options.clients)} clients; ` +
      `lock timeout ${options["lock-timeout"]} ms`,
    `001 took ${seconds.toFixed(1)} s; tries: ${tries}; batches: ${batches}; users ` +
      `from before without a row: ${usersWithoutRow}`,
    `${"".padEnd(8)} requests         50 %        99 %     longest`,
    ...lines,
    `errors: ${errors.length}`,
    ...[...new Set(errors)],
    failings.length > 0 ? `FAILED: ${failings.join("; ")}` : "As it must be.",
    "",
  ].join("\n");
}
