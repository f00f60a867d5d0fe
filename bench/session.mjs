// What a session for a user costs: data.asUser() with a typed query beside a bare transaction (begin,
// the same query, commit) on a connection that is that user for good, in turns in one run, on loopback.
// Ends with exit code 1 when it adds more than 0.15 ms at the median, or the throughput of five clients
// is below 0.85 of the bare one. With --tokens the database believes signed tokens alone, of which each
// transaction of asUser() brings one and the bare connection has one for good; limits 0.5 ms and 0.5.
// Usage: npm run build, then node bench/session.mjs [--tokens] [--rounds N] [--json]
import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import pg from "pg";
import { hmacPads } from "../migrator/dist/pulumi/token-settings.js";
import { ConnectionPool } from "../src/dist/session/pool.js";
import { queriesOn } from "../src/dist/session/queries.js";
import { Sessions } from "../src/dist/session/sessions.js";
import { signToken } from "../src/dist/session/token.js";
import { removePostgres, startPostgres } from "../tools/local/postgres.mjs";

const PROGRAM = fileURLToPath(new URL("../migrator/bin/migrator.mjs", import.meta.url));
const SQL = fileURLToPath(new URL("../sql", import.meta.url));
const TURNS = 200;
const CLIENTS = 5;
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "40" },
    tokens: { type: "boolean", default: false },
  },
});
/** Milliseconds at the median, and share of the bare throughput. */
const LIMITS = values.tokens
  ? { addedMs: 0.5, throughput: 0.5 }
  : { addedMs: 0.15, throughput: 0.85 };
const rounds = Number(values.rounds);
const secret = randomBytes(32);
const directory = mkdtempSync(path.join(tmpdir(), "app-data-bench-"));
try {
  const result = await measure();
  const isMet = result.addedMs <= LIMITS.addedMs && result.throughputShare >= LIMITS.throughput;
  if (values.json) console.log(JSON.stringify({ ...result, limits: LIMITS, isMet }, null, 2));
  else report(result);
  process.exitCode = isMet ? 0 : 1;
} finally {
  await removePostgres({ directory });
  rmSync(directory, { recursive: true, force: true });
}

async function measure() {
  const { app, userId } = await prepare();
  const settings = { databaseTls: "off", poolSize: CLIENTS, deadlineMs: 30_000, region: "none" };
  const login = { ...app, password: async () => app.password, forget: () => undefined };
  const users = new ConnectionPool(login, settings);
  const tokens = values.tokens ? { sign: async (id) => tokenOf(id, 60) } : undefined;
  const data = new Sessions(settings, users, users, users, tokens);
  const pool = new pg.Pool({ ...app, max: CLIENTS });
  const claims = JSON.stringify({ sub: userId, role: "authenticated" });
  const token = values.tokens ? tokenOf(userId, 86_400) : "";
  // A pool hands a connection out once its first query is done, which is this one.
  pool.on("connect", (client) => {
    void client.query(
      `set role authenticated; select set_config('request.jwt.claims', '${claims}', false), ` +
        `set_config('request.jwt.token', '${token}', false)`,
    );
  });
  const as = {
    user: () => data.asUser(userId, async (db) => oneRow(await read(db, userId))),
    async bare() {
      const client = await pool.connect();
      await client.query("begin");
      oneRow(
        await read(
          queriesOn(client, () => false),
          userId,
        ),
      );
      await client.query("commit");
      client.release();
    },
  };
  const latencies = { user: [], bare: [] };
  const rates = [];
  for (const kind of ["user", "bare"]) await repeat(as[kind], TURNS);
  for (let round = 0; round < rounds; round += 1) {
    // Who begins alternates: what slows the machine for a while slows both.
    const order = round % 2 === 0 ? ["user", "bare"] : ["bare", "user"];
    for (const kind of order) latencies[kind].push(...(await repeat(as[kind], TURNS)));
    const seconds = {};
    for (const kind of order) {
      const start = performance.now();
      await Promise.all(Array.from({ length: CLIENTS }, () => repeat(as[kind], TURNS)));
      seconds[kind] = (performance.now() - start) / 1000;
    }
    rates.push({
      user: (CLIENTS * TURNS) / seconds.user,
      bare: (CLIENTS * TURNS) / seconds.bare,
    });
  }
  await data.close();
  await pool.end();
  const [userMs, bareMs] = [median(latencies.user), median(latencies.bare)];
  return {
    transactions: latencies.user.length,
    userMs,
    bareMs,
    addedMs: userMs - bareMs,
    userPerSecond: median(rates.map(({ user }) => user)),
    barePerSecond: median(rates.map(({ bare }) => bare)),
    throughputShare: median(rates.map(({ user, bare }) => user / bare)),
    node: process.version,
  };
}

function tokenOf(userId, lifetimeSeconds) {
  return signToken({ secret, userId, audience: "bench", lifetimeSeconds });
}

/** The query of both. */
function read(db, userId) {
  return db.selectFrom("users").select(["id", "email"]).where("id", "=", userId).execute();
}

function oneRow(rows) {
  if (rows.length !== 1) throw new Error(`The query gave ${rows.length} rows in place of one.`);
}

/** A server with the migrations, logins for it, and a user among others. */
async function prepare() {
  const server = await startPostgres({ directory });
  const connection = { host: server.host, port: server.port };
  const superuser = { ...connection, user: "postgres", password: server.password };
  const admin = new pg.Client({ ...superuser, database: "postgres" });
  await admin.connect();
  for (const statement of [
    `create role migrator login password '${server.password}'`,
    "create role anon",
    "create role authenticated",
    "create role service_role",
    "create role monitor",
    `create role app login noinherit password '${server.password}'`,
    "grant anon, authenticated, service_role to app with inherit false, set true",
    "create database bench owner migrator",
  ]) {
    await admin.query(statement);
  }
  await admin.end();
  const login = (user) => ({ ...connection, user, password: server.password, database: "bench" });
  const url = `postgresql://migrator:${server.password}@${server.host}:${server.port}/bench`;
  await promisify(execFile)(
    process.execPath,
    [PROGRAM, "up", "--directory", SQL, "--no-tls", "--connect-role", "app"],
    {
      env: { ...process.env, MIGRATOR_URL: url },
    },
  );
  const client = new pg.Client(login("postgres"));
  await client.connect();
  const userId = randomUUID();
  await client.query(
    "insert into public.users (id, email) select i, i::text || '@example.org' from " +
      "(select $1::uuid as i union all select gen_random_uuid() from generate_series(1, 999)) x",
    [userId],
  );
  await client.query("analyze public.users");
  if (values.tokens) {
    await client.query(
      "insert into auth.token_settings (believes_claims, audience, current_pads) values (false, 'bench', $1)",
      [hmacPads(secret)],
    );
  }
  await client.end();
  return { app: login("app"), userId };
}

/** @returns milliseconds of each. */
async function repeat(work, times) {
  const took = [];
  for (let turn = 0; turn < times; turn += 1) {
    const start = performance.now();
    await work();
    took.push(performance.now() - start);
  }
  return took;
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function report({ userMs, bareMs, addedMs, userPerSecond, barePerSecond, throughputShare }) {
  const ms = (value) => `${value.toFixed(3)} ms`;
  console.log(
    `one client    asUser ${ms(userMs)}, bare ${ms(bareMs)} at the median: ${ms(addedMs)} more ` +
      `(at most ${LIMITS.addedMs})`,
  );
  console.log(
    `${CLIENTS} clients     asUser ${Math.round(userPerSecond)}/s, bare ${Math.round(barePerSecond)}/s: ` +
      `${throughputShare.toFixed(2)} (at least ${LIMITS.throughput})`,
  );
}
