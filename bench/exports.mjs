// What an export of many rows takes: memory of the process, bytes of rows a second, and its time as a
// multiple of `COPY … TO STDOUT | gzip` of the same rows in the same run, for both formats. Ends with exit
// code 1 above 120 MB, below 50 MB/s, or when the copy takes less than half of the time.
// Usage: npm run build, then node bench/exports.mjs [--rows N] [--json]
import { execFile, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { S3 } from "@aws-sdk/client-s3";
import pg from "pg";
import { AWS_ENVIRONMENT } from "../tools/local/aws-client.mjs";
import { installEmulator, startEmulator, stopEmulator } from "../tools/local/emulator.mjs";
import { removePostgres, startPostgres } from "../tools/local/postgres.mjs";

const THIS = fileURLToPath(import.meta.url);
const PROGRAM = fileURLToPath(new URL("../migrator/bin/migrator.mjs", import.meta.url));
const SQL = fileURLToPath(new URL("../sql", import.meta.url));
const LIMITS = { memoryMb: 120, mbPerSecond: 50, shareOfCopy: 0.5 };
const USER = "00000000-0000-4000-8000-00000000000a";

if (process.env.BENCH_EXPORT) await runOne(JSON.parse(process.env.BENCH_EXPORT));
else await main();

async function main() {
  const { values } = parseArgs({
    options: { rows: { type: "string", default: "1000000" }, json: { type: "boolean" } },
  });
  const directory = mkdtempSync(path.join(tmpdir(), "app-data-bench-"));
  const emulatorDirectory = path.join(directory, "emulator");
  try {
    const python = await installEmulator({ report: console.error });
    const { endpoint } = await startEmulator({ directory: emulatorDirectory, python });
    const server = await startPostgres({ directory });
    const database = await prepare(server, Number(values.rows));
    const results = [];
    for (const format of ["jsonl", "csv"]) {
      results.push(await measure(format, database, endpoint));
    }
    const isMet = results.every(
      ({ memoryMb, mbPerSecond, shareOfCopy }) =>
        memoryMb <= LIMITS.memoryMb &&
        mbPerSecond >= LIMITS.mbPerSecond &&
        shareOfCopy >= LIMITS.shareOfCopy,
    );
    if (values.json) console.log(JSON.stringify({ rows: values.rows, results, LIMITS, isMet }));
    else console.table(results);
    process.exitCode = isMet ? 0 : 1;
  } finally {
    await stopEmulator({ directory: emulatorDirectory });
    await removePostgres({ directory });
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A database in which one user has all of the rows. */
async function prepare({ host, port, password }, rows) {
  const admin = new pg.Client({ host, port, user: "postgres", password, database: "postgres" });
  await admin.connect();
  await admin.query(`
    create role migrator login password 'bench'; create role app login noinherit password 'bench';
    create role anon; create role authenticated; create role service_role; create role monitor;
    grant authenticated, service_role to app with inherit false, set true`);
  await admin.query("create database bench owner migrator");
  await admin.end();
  const url = `postgresql://migrator:bench@${host}:${port}/bench`;
  await promisify(execFile)(process.execPath, [PROGRAM, "up", "--directory", SQL], {
    env: { ...process.env, MIGRATOR_URL: url },
  });
  const client = new pg.Client({ host, port, user: "postgres", password, database: "bench" });
  await client.connect();
  await client.query(
    "grant connect on database bench to app; set session_replication_role = replica",
  );
  await client.query("insert into public.users (id, email) values ($1, 'a@example.org')", [USER]);
  await client.query(
    "insert into public.sessions (user_id, started_at, ended_at, vocabulary_count, images_count) " +
      "select $1, t, t + n % 3000 * interval '1 s', n % 40, n % 7 from generate_series(1, $2::integer) n, " +
      "lateral (select timestamptz '2000-01-01Z' + n * interval '1 min' as t) s",
    [USER, rows],
  );
  await client.query("vacuum analyze public.sessions");
  await client.end();
  return { host, port, user: "app", password: "bench", database: "bench" };
}

async function measure(format, database, endpoint) {
  const copy = await timeCopy(format, database);
  const child = fork(THIS, {
    env: {
      ...process.env,
      ...AWS_ENVIRONMENT,
      AWS_ENDPOINT_URL: endpoint,
      BENCH_EXPORT: JSON.stringify({ format, database }),
    },
  });
  const { ms, memoryMb, cpuSeconds } = await new Promise((resolve, reject) => {
    child.once("message", resolve).once("exit", (code) => reject(new Error(`exit code ${code}`)));
  });
  return {
    format,
    mb: Math.round(copy.bytes / 1e6),
    seconds: round(ms / 1_000),
    cpuSeconds: round(cpuSeconds),
    mbPerSecond: round(copy.bytes / 1e3 / ms),
    copySeconds: round(copy.ms / 1_000),
    shareOfCopy: round(copy.ms / ms),
    memoryMb: Math.round(memoryMb),
  };
}

/** The same rows by COPY, as the same role, through gzip. */
async function timeCopy(format, { host, port, user, password, database }) {
  const columns =
    "id, started_at, ended_at, descriptions_count, images_count, questions_count, vocabulary_count";
  const query = `select ${columns} from public.sessions`;
  const copied =
    format === "csv"
      ? `(${query}) to stdout csv`
      : `(select row_to_json(r) from (${query}) r) to stdout`;
  const script = `set role authenticated; set request.jwt.claims = '{"sub":"${USER}"}'; copy ${copied}`;
  const run = async (through) => {
    const { stdout } = await promisify(execFile)(
      "bash",
      ["-o", "pipefail", "-c", `psql --quiet --no-psqlrc -c "$SCRIPT" | ${through} | wc -c`],
      {
        env: {
          ...process.env,
          SCRIPT: script,
          PGHOST: host,
          PGPORT: String(port),
          PGUSER: user,
          PGPASSWORD: password,
          PGDATABASE: database,
        },
      },
    );
    return Number(stdout);
  };
  const bytes = await run("cat");
  const from = performance.now();
  await run("gzip");
  return { bytes, ms: performance.now() - from };
}

/** In a process of its own, whose memory is the library's. */
async function runOne({ format, database }) {
  const [{ Exports }, { ConnectionPool }, { Sessions }] = await Promise.all([
    import("../src/dist/exports/exports.js"),
    import("../src/dist/session/pool.js"),
    import("../src/dist/session/sessions.js"),
  ]);
  const exportsBucket = `bench-${randomUUID()}`;
  const s3 = new S3({ forcePathStyle: true });
  await s3.createBucket({
    Bucket: exportsBucket,
    CreateBucketConfiguration: { LocationConstraint: AWS_ENVIRONMENT.AWS_REGION },
  });
  s3.destroy();
  const settings = {
    databaseTls: "off",
    poolSize: 2,
    deadlineMs: 3_600_000,
    region: AWS_ENVIRONMENT.AWS_REGION,
    endpoint: process.env.AWS_ENDPOINT_URL,
    exportsBucket,
  };
  const login = { ...database, password: async () => database.password, forget: () => undefined };
  const pool = new ConnectionPool(login, settings);
  const exports = new Exports(
    new Sessions(settings, pool, pool, new ConnectionPool(login, settings, true)),
  );
  const id = await exports.request(USER, { type: "sessions", format });
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await exports.run(id);
  const { user, system } = process.cpuUsage(cpu);
  process.send({
    ms: performance.now() - from,
    memoryMb: process.resourceUsage().maxRSS / 1024,
    cpuSeconds: (user + system) / 1e6,
  });
  exports.end();
  await pool.end();
}

function round(number) {
  return Math.round(number * 100) / 100;
}
