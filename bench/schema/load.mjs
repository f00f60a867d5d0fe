// A database of the project's schema with as many rows as are asked for. Loaded in chunks, each a
// transaction that records itself, so that a load that was cut off goes on where it was.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";

const PROGRAM = fileURLToPath(new URL("../../migrator/bin/migrator.mjs", import.meta.url));
const SQL = fileURLToPath(new URL("../../sql", import.meta.url));
/** What the queries and the trigger need. */
const LAST_MIGRATION = "005";
const PASSWORD = "bench";
/** The role that asks with the filter by hand. */
export const UNBOUND = "unbound";
/** Sessions, and exports, of a user who is nothing special. */
export const ROWS_PER_USER = 10;
const USERS_PER_CHUNK = 100_000;
const SMALLEST_STAGE = 10_000;
/** From this stage on there is a user with that many sessions. */
const HUGE = { stage: 1_000_000, sessions: 100_000 };
/** Sessions, and exports, of the busy user that each stage has. */
const BUSY_ROWS = 1_000;

/** Sizes on the way to so many rows: 10⁴, 10⁵ and so on, and the number itself. */
export function stagesUpTo(rows) {
  const stages = [];
  for (let stage = SMALLEST_STAGE; stage < rows; stage *= 10) stages.push(stage);
  return [...stages, rows];
}

/** The id of a user: ordinary ones are numbered from 1, those of a stage have names. */
export function userId(name) {
  const hex = createHash("md5").update(String(name)).digest("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The users with many rows that came with a stage, spread over all that was loaded for it. */
export function usersOf(stage) {
  return {
    busy: { name: `busy-${stage}`, sessions: BUSY_ROWS, exports: BUSY_ROWS },
    ...(stage >= HUGE.stage && {
      huge: { name: `huge-${stage}`, sessions: HUGE.sessions, exports: 0 },
    }),
  };
}

/** Connects to the database as one of the roles that log in. */
export async function connect({ host, port, password }, database, role = "postgres") {
  const client = new pg.Client({
    host,
    port,
    database,
    user: role,
    password: role === "postgres" ? password : PASSWORD,
  });
  // When the server is stopped after a failure, that failure is what is to be told.
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Makes the roles, and the database with the project's migrations, unless they are there. */
export async function prepare(server, database) {
  const admin = await connect(server, "postgres");
  const roles = ["migrator", "app", "monitor", "anon", "authenticated", "service_role"];
  for (const role of roles) {
    const { rowCount } = await admin.query("select from pg_roles where rolname = $1", [role]);
    if (rowCount > 0) continue;
    const login = ["migrator", "app", "monitor"].includes(role)
      ? `login noinherit password '${PASSWORD}'`
      : "";
    await admin.query(`create role ${role} ${login}`);
  }
  const { rowCount: isThere } = await admin.query("select from pg_roles where rolname = $1", [
    UNBOUND,
  ]);
  if (isThere === 0) await admin.query(`create role ${UNBOUND} bypassrls`);
  await admin.query("grant anon, authenticated, service_role to app with inherit false");
  // The completion without its trigger, to compare with.
  await admin.query("grant set on parameter session_replication_role to app");
  const { rowCount } = await admin.query("select from pg_database where datname = $1", [database]);
  if (rowCount === 0) await admin.query(`create database ${database} owner migrator`);
  await admin.query(`grant connect on database ${database} to app`);
  await admin.end();

  const client = await connect(server, database);
  const { rows } = await client.query(
    "select obj_description(oid) as migrations from pg_namespace where nspname = 'bench'",
  );
  if (rows.length === 0) {
    await migrate(`postgresql://migrator:${PASSWORD}@${server.host}:${server.port}/${database}`);
    await client.query(`
      create schema bench;
      comment on schema bench is '${digestOfMigrations()}';
      create table bench.chunks (
        stage bigint, part integer, kind text, primary key (stage, part, kind)
      );
      create table bench.indexes (name text primary key, definition text, stage bigint)`);
  } else if (rows[0].migrations !== digestOfMigrations()) {
    throw new Error(
      "The directory was loaded with other migrations than sql/ has now. Remove it, with --remove.",
    );
  }
  // Whom no policy binds, with rights of its own as the others have: a superuser's are not looked up.
  await client.query(`
    grant usage on schema public, auth to ${UNBOUND};
    grant select on all tables in schema public to ${UNBOUND};
    grant execute on function auth.uid() to ${UNBOUND}`);
  await client.end();
}

function digestOfMigrations() {
  const files = readdirSync(SQL).filter((name) => /^\d+_.*(?<!_rollback|_verify)\.sql$/.test(name));
  const texts = files.sort().map((name) => readFileSync(path.join(SQL, name)));
  return createHash("sha256").update(Buffer.concat(texts)).digest("hex");
}

/**
 * Loads what a stage adds to the stage before it, sessions and exports side by side.
 * @returns whether there was anything left to load.
 */
export async function loadStage(server, database, stage, before, tell) {
  const special = Object.values(usersOf(stage));
  const first = before / ROWS_PER_USER + 1;
  const last = stage / ROWS_PER_USER;
  const parts = Math.ceil((last - first + 1) / USERS_PER_CHUNK);
  if (parts > 1) await dropIndexes(server, database, stage, parts);
  const loading = Object.entries({ sessions: loadSessions, exports: loadExports });
  const loaded = await Promise.all(
    loading.map(async ([kind, load]) => {
      const client = await connect(server, database);
      await client.query("set session_replication_role = replica; set work_mem = '256MB'");
      let count = 0;
      for (let part = 0; part < parts; part += 1) {
        const from = first + part * USERS_PER_CHUNK;
        const to = Math.min(last, from + USERS_PER_CHUNK - 1);
        const { rowCount } = await client.query(
          "select from bench.chunks where stage = $1 and part = $2 and kind = $3",
          [stage, part, kind],
        );
        if (rowCount > 0) continue;
        tell(`${stage.toLocaleString("en")} rows: loading ${kind}, part ${part + 1} of ${parts}`);
        await client.query("begin");
        await load(client, { from, to, special, parts });
        await client.query("insert into bench.chunks values ($1, $2, $3)", [stage, part, kind]);
        await client.query("commit");
        count += 1;
      }
      await client.end();
      return count;
    }),
  );
  const built = await buildIndexes(server, database, stage, tell);
  const isNew = built > 0 || loaded.some((count) => count > 0);
  if (isNew) {
    tell(`${stage.toLocaleString("en")} rows: vacuum, analyze`);
    const client = await connect(server, database);
    await client.query("vacuum (analyze)");
    await client.query("checkpoint");
    await client.end();
  }
  return isNew;
}

/**
 * Drops the indexes that no constraint needs, as long as parts are left to load, and notes them: most
 * of the time of a row would go into their random places.
 */
async function dropIndexes(server, database, stage, parts) {
  const client = await connect(server, database);
  const { rows } = await client.query(
    "select count(*)::integer as loaded from bench.chunks where stage = $1",
    [stage],
  );
  if (rows[0].loaded < 2 * parts) {
    await client.query("begin");
    const { rows: indexes } = await client.query(
      "insert into bench.indexes select i.indexname, i.indexdef, $1 from pg_indexes i " +
        "where i.schemaname = 'public' and i.tablename in ('sessions', 'export_history') " +
        "and not exists (select from pg_constraint c where c.conindid = " +
        "format('%I.%I', i.schemaname, i.indexname)::regclass) returning name",
      [stage],
    );
    for (const { name } of indexes) await client.query(`drop index public.${name}`);
    await client.query("commit");
  }
  await client.end();
}

/** Builds what was dropped for a stage. @returns how many. */
async function buildIndexes(server, database, stage, tell) {
  const client = await connect(server, database);
  await client.query("set maintenance_work_mem = '1GB'");
  const { rows } = await client.query(
    "select name, definition from bench.indexes where stage = $1 order by name",
    [stage],
  );
  for (const { name, definition } of rows) {
    tell(`building ${name}`);
    await client.query("begin");
    await client.query(definition);
    await client.query("delete from bench.indexes where name = $1", [name]);
    await client.query("commit");
  }
  await client.end();
  return rows.length;
}

/** Users with their sessions and counters. */
async function loadSessions(client, { from, to, special, parts }) {
  await client.query(
    "insert into public.users (id, email) select md5(n)::uuid, n || '@example.org' from (" +
      "  select u::text as n from generate_series($1::bigint, $2::bigint) u " +
      "  union all select unnest($3::text[])) names on conflict do nothing",
    [from, to, special.map(({ name }) => name)],
  );
  await client.query(
    "insert into public.sessions (user_id, started_at, ended_at, descriptions_count, images_count, " +
      "questions_count, vocabulary_count, created_at) " +
      "select user_id, at, at + chance * interval '50 min', chance * 5, chance * 3, chance * 9, chance * 30, at " +
      `from (${owners("sessions", special, parts)}) o order by at`,
    [from, to],
  );
  await countProgress(client, special);
}

async function loadExports(client, { from, to, special, parts }) {
  await client.query(
    `insert into public.export_history (user_id, export_type, format, status, storage_bucket, storage_key,
       file_size_bytes, row_count, error_message, started_at, completed_at, expires_at, created_at)
     select user_id, case when chance < 0.5 then 'sessions' else 'full' end, 'jsonl', status,
       case when status = 'completed' then 'exports' end,
       case when status = 'completed' then user_id || '/' || gen_random_uuid() || '.jsonl' end,
       case when status in ('completed', 'expired') then 1000000 * chance end,
       case when status in ('completed', 'expired') then 1000 * chance end,
       case when status = 'failed' then 'The export was given up: it made no progress for an hour.' end,
       case when status <> 'pending' then at end,
       case when status in ('completed', 'expired') then at + interval '1 min' end,
       case when status in ('completed', 'expired') then at + interval '7 days' end, at
     from (
       select *, case when chance < 0.6 then 'completed' when chance < 0.9 then 'expired'
         when chance < 0.98 then 'failed' when chance < 0.995 then 'pending' else 'processing' end as status
       from (${owners("exports", special, parts)}) o
     ) e order by at`,
    [from, to],
  );
}

/** A query for the owner, the time and a random number of each row of a part. */
function owners(rows, special, parts) {
  const columns =
    "timestamptz '2025-06-01Z' + random() * interval '365 days' as at, random() as chance";
  return [
    `select md5(u::text)::uuid as user_id, ${columns} ` +
      `from generate_series($1::bigint, $2::bigint) u, generate_series(1, ${ROWS_PER_USER})`,
    ...special.map(
      (user) =>
        `select '${userId(user.name)}', ${columns} ` +
        `from generate_series(1, ${Math.ceil(user[rows] / parts)})`,
    ),
  ].join(" union all ");
}

/** The counters that 002 gives: its own statement, for all who have none yet. */
async function countProgress(client, special) {
  await client.query("delete from public.user_progress where user_id = any($1::uuid[])", [
    special.map(({ name }) => userId(name)),
  ]);
  await client.query("analyze public.users, public.sessions, public.user_progress");
  const file = readFileSync(path.join(SQL, "002_backfill_user_progress.sql"), "utf8");
  const [, statement] = file.split("-- batch: ");
  // Many more users at once than a batch has: the estimates are not made for that.
  await client.query("set local enable_nestloop = off; set local role migrator");
  await client.query(`-- ${statement}`);
  await client.query("reset role");
}

function migrate(url) {
  const env = { ...process.env, MIGRATOR_URL: url };
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [PROGRAM, "up", "--directory", SQL, "--target", LAST_MIGRATION],
      { env },
      (error, out, err) => (error ? reject(new Error(`${out}${err.slice(-2000)}`)) : resolve()),
    );
  });
}
