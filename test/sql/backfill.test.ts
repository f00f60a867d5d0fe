import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { copyMigrations } from "../support/project-migrations";
import { dumpCatalog } from "./catalog-dump";
import { applyAll, applyThrough, migrationsThrough, rejection, run } from "./sql-files";

const NAME = "002_backfill_user_progress";

// What it counts is in `progress-properties.test.ts`.

let database: TestDatabase;
let migrator: Client;
let superuser: Client;

beforeEach(async () => {
  database = await createDatabase();
  migrator = await database.connect("migrator");
  superuser = await database.connect("postgres");
});
afterEach(() => database.drop());

/** Users with up to 11 completed sessions each and one that is open; every tenth has none. */
async function fill(users: number): Promise<void> {
  await superuser.query(`
    insert into public.users (email) select 'user-' || n from generate_series(1, ${users}) n;
    insert into public.sessions (user_id, started_at, ended_at, descriptions_count, images_count,
                                 questions_count, vocabulary_count)
    select u.id, t.at, case when n > 0 then t.at + n * interval '13 min 0.7 s' end, n % 4, u.number % 3, n % 2, n % 7
      from (select id, row_number() over () as number from public.users) u,
           generate_series(0, 11) n,
           lateral (select timestamptz '2025-12-20 23:50Z' + (n * n * (u.number % 7)) * interval '7 h' as at) t
     where u.number % 10 > 0;
    insert into public.sessions (user_id, started_at, ended_at)
    select id, '4713-11-24 00:00Z BC', '294276-12-31 23:59:59.999999Z' from public.users
     where email = 'user-1'`);
}

/** The rows of `user_progress` as text. */
async function progress(): Promise<string[]> {
  const { rows } = await superuser.query<{ row: string }>(
    "select to_jsonb(p)::text as row from public.user_progress p order by user_id",
  );
  return rows.map(({ row }) => row);
}

describe("002", () => {
  it("keeps what a row has beside its counters", async () => {
    await applyAll(migrator);
    await fill(60);
    await superuser.query(
      "insert into public.user_progress (user_id, preferences) select id, '{\"a\": 1}' from public.users limit 30",
    );
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    const { rows } = await superuser.query(
      "select count(*)::int as kept from public.user_progress where preferences = '{\"a\": 1}'",
    );
    expect(rows).toEqual([{ kept: 30 }]);
  });

  it("changes nothing when it runs again, and nothing of who is counted already", async () => {
    await applyAll(migrator);
    await fill(20);
    await run(migrator, NAME, "forward");
    const [catalog, rows] = [await dumpCatalog(migrator), await progress()];
    await sleep(5);
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await progress()).toEqual(rows);
    expect(await dumpCatalog(migrator)).toEqual(catalog);
  });

  it("keeps the counters when it is rolled back, once or twice", async () => {
    await applyAll(migrator);
    await fill(20);
    const before = await dumpCatalog(migrator);
    await run(migrator, NAME, "forward");
    const counted = await progress();
    await run(migrator, NAME, "rollback");
    await run(migrator, NAME, "rollback");
    expect(await progress()).toEqual(counted);
    expect(await dumpCatalog(migrator)).toEqual(before);
  });

  it("says what a run needs: the migrator, the earlier migration", async () => {
    expect(await rejection(run(superuser, NAME, "forward"))).toMatchObject({
      message: `SQL002 ${NAME} was run by postgres, and must be run by migrator.`,
    });
    expect(await rejection(run(superuser, NAME, "verify"))).toMatchObject({
      message: `SQL002 ${NAME}_verify was run by postgres, and must be run by migrator.`,
    });
    expect(await rejection(run(migrator, NAME, "forward"))).toMatchObject({
      message: `SQL006 ${NAME} needs public.user_progress and its trigger on sessions.`,
      hint: "Apply 001_add_missing_tables.sql and run 001_add_missing_tables_verify.sql first.",
    });
  });
});

describe("002 verify", () => {
  it("notices users who are not counted, and a change of any counter", async () => {
    await applyAll(migrator);
    await fill(40);
    const { message } = await rejection(run(migrator, NAME, "verify"));
    expect(message).toMatch(
      /^SQL007 002_backfill_user_progress does not hold \(problems: 1\)\.\n- the counters of 36 users are not what their completed sessions add up to: (?:[-0-9a-f]{36}, ){5}…$/,
    );

    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    const { rows } = await superuser.query<{ name: string; type: string }>(`
      select attname as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = 'public.user_progress'::regclass and attnum > 0 and attgenerated = ''
         and attname not in ('id', 'user_id', 'achievements', 'preferences', 'created_at', 'updated_at')`);
    expect(rows).toHaveLength(18);
    const changed = { bigint: "+ 1", uuid: "", "timestamp with time zone": "- interval '1 us'" };
    const user = (
      await superuser.query(
        "select user_id from public.user_progress where total_sessions = 11 limit 1",
      )
    ).rows[0].user_id;
    for (const { name, type } of rows) {
      const value =
        type === "uuid" ? "gen_random_uuid()" : `${name} ${changed[type as keyof typeof changed]}`;
      await superuser.query("begin");
      await superuser.query(
        `update public.user_progress set ${name} = ${value} where user_id = $1`,
        [user],
      );
      await superuser.query("commit");
      const problem = await rejection(run(migrator, NAME, "verify"));
      expect([name, problem.message.split("\n- ")[1]]).toEqual([
        name,
        `the counters of 1 users are not what their completed sessions add up to: ${user}`,
      ]);
      // What its hint says.
      await superuser.query(
        "update public.user_progress set last_activity_at = null where user_id = $1",
        [user],
      );
      await run(migrator, NAME, "forward");
      await run(migrator, NAME, "verify");
    }
  });

  it("passes again for who has lost all sessions, once they are set back as its page says", async () => {
    await applyAll(migrator);
    await fill(20);
    await run(migrator, NAME, "forward");
    const { rows } = await superuser.query<{ user_id: string }>(
      "delete from public.sessions where user_id = (select user_id from public.sessions limit 1) returning user_id",
    );
    await migrator.query(
      "update public.user_progress set last_activity_at = null where user_id = $1",
      [rows[0]?.user_id],
    );
    await run(migrator, NAME, "forward");
    const { message, hint } = await rejection(run(migrator, NAME, "verify"));
    expect(message).toMatch(new RegExp(`counters of 1 users .*: ${rows[0]?.user_id}$`));
    expect(hint).toContain("docs/migrations/002-backfill-user-progress.md has the statement");
    const page = path.join(__dirname, "../../docs/migrations/002-backfill-user-progress.md");
    const [, setBack = ""] = /```sql\n([^]*?)```/.exec(readFileSync(page, "utf8")) ?? [];
    expect((await migrator.query(setBack)).rowCount).toBe(1);
    await run(migrator, NAME, "verify");
  });
});

describe("002, run by the migrator", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "backfill-"));
    copyMigrations(directory, migrationsThrough(NAME));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function start(...args: string[]): ChildProcess {
    const program = path.resolve("migrator/bin/migrator.mjs");
    const all = [program, "up", "--directory", directory, ...args];
    return spawn(process.execPath, all, {
      env: { ...process.env, MIGRATOR_URL: database.url("migrator") },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Ends with a run; false when it was killed. */
  function ending(started: ChildProcess): Promise<boolean> {
    let said = "";
    started.stderr?.on("data", (text: Buffer) => (said += text.toString()));
    return new Promise((resolve, reject) => {
      started.once("error", reject);
      started.once("exit", (code, signal) =>
        signal || code === 0 ? resolve(!signal) : reject(new Error(said.slice(-2_000))),
      );
    });
  }

  it("is killed again and again while sessions are completed, and counts everybody rightly", async () => {
    await ending(start("--target", "001", "--connect-role", "app"));
    await fill(4_000);
    await superuser.query(
      "insert into public.user_progress (user_id) select id from public.users on conflict do nothing",
    );
    let running = true;
    let completed = 0;
    const complete = async () => {
      const app = await database.connect("app");
      const { rows } = await superuser.query<{ id: string; user_id: string }>(
        "select id, user_id from public.sessions where ended_at is null order by id",
      );
      for (const { id, user_id: user } of rows) {
        if (!running) return;
        await app.query("begin; set local role authenticated");
        await app.query("select set_config('request.jwt.claims', $1, true)", [
          JSON.stringify({ sub: user }),
        ]);
        const { rowCount } = await app.query(
          "update public.sessions set ended_at = started_at + interval '1 h' where id = $1",
          [id],
        );
        await app.query("commit");
        completed += rowCount ?? 0;
      }
    };
    const writer = complete();

    let kills = 0;
    for (let finished = false; !finished;) {
      const one = start();
      const ended = ending(one);
      let batches = 0;
      one.stderr?.on("data", (text: Buffer) => {
        batches += text.toString().match(/keys\/s/g)?.length ?? 0;
        if (batches > 1 && kills < 3) one.kill("SIGKILL");
      });
      finished = await ended;
      if (!finished) kills += 1;
    }
    running = false;
    await writer;
    expect(kills).toBeGreaterThan(1);
    expect(completed).toBeGreaterThan(50);
    await run(migrator, NAME, "verify");
    const { rows } = await migrator.query(
      "select count(*)::int as applied from migrations.log where version = '002' and event = 'apply'",
    );
    expect(rows).toEqual([{ applied: 1 }]);
  });
});

it("has nothing to do on an empty database", async () => {
  await applyThrough(migrator, NAME);
});
