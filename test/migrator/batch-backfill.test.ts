import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { describeProgress } from "../../migrator/src/run/batch";
import { Pace } from "../../migrator/src/run/batch/pace";
import { type TestDatabase, createDatabase } from "../support/database";
import { createCheckpoints, runFile } from "./batch-fixture";

const USERS = 2_500;
// Batches as many as 10,000 users have.
const BACKFILL = readFileSync(path.join(__dirname, "batch-backfill.sql"), "utf8").replace(
  "size 2000",
  "size 500",
);

let database: TestDatabase;
let migrator: Client;
let superuser: Client;

/** Everything that is counted, of every user who satisfies a condition; times of writing left out. */
async function progress(): Promise<unknown> {
  const { rows } = await superuser.query<{ digest: string; counted: number }>(`
    select md5(string_agg((to_jsonb(p) - array['updated_at', 'id'])::text, ' ' order by user_id)) as digest,
           count(*) filter (where total_sessions > 0)::integer as counted
      from public.user_progress p`);
  return rows[0];
}

describe("the backfill of user_progress in batches", () => {
  beforeEach(async () => {
    database = await createDatabase();
    migrator = await database.connect("migrator");
    superuser = await database.connect("postgres");
    await createCheckpoints(migrator);
    for (const name of ["000_existing_schema", "001_add_missing_tables"]) {
      await migrator.query(readFileSync(`sql/${name}.sql`, "utf8"));
    }
    // Every tenth user has no session; of the others' twelve, every fourth is open.
    await superuser.query(`
      insert into public.users (email) select 'user-' || n from generate_series(1, ${USERS}) n;
      insert into public.sessions (user_id, started_at, ended_at, vocabulary_count, images_count)
      select u.id, t.at, case when n % 4 > 0 then t.at + n * interval '13 min' end, n % 5, u.number % 3
        from (select id, row_number() over () as number from public.users) u,
             generate_series(1, 12) n,
             lateral (select timestamptz '2026-05-01Z' + (n * n * (u.number % 7)) * interval '5 h' as at) t
       where u.number % 10 > 0;
      insert into public.user_progress (user_id) select id from public.users;
      analyze`);
  });
  afterEach(() => database.drop());

  it("is equal to the trigger's own computation, and to one statement", async () => {
    const outcome = await runFile(migrator, BACKFILL);
    expect(outcome.rows).toBe(USERS * 0.9);
    expect(outcome.batches).toBeGreaterThan(4);
    const inBatches = await progress();
    expect(inBatches).toMatchObject({ counted: USERS * 0.9 });

    const reset = `update public.user_progress p set (total_sessions, total_images, total_vocabulary,
        total_time_seconds, sessions_today, sessions_this_week, vocabulary_this_week,
        time_this_week_seconds, current_streak_days, longest_streak_days, best_session_vocabulary,
        longest_session_seconds, last_session_id, first_activity_at, last_activity_at)
      = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, null, null, null)`;
    await superuser.query(reset);
    expect(await progress()).toMatchObject({ counted: 0 });
    await migrator.query(BACKFILL);
    expect(await progress()).toEqual(inBatches);

    // The trigger counts a user's sessions when one more is completed: here one that was, again.
    await superuser.query(reset);
    await superuser.query(`create temporary table last as
        select distinct on (user_id) id, ended_at from public.sessions where ended_at is not null
         order by user_id, ended_at desc, id desc;
      update public.sessions s set ended_at = null from last l where l.id = s.id;
      update public.sessions s set ended_at = l.ended_at from last l where l.id = s.id`);
    expect(await progress()).toEqual(inBatches);
  });

  it("loses no session that is completed meanwhile", async () => {
    let running = true;
    let completed = 0;
    const complete = async (seed: number) => {
      const client = await database.connect("postgres");
      const { rows } = await client.query<{ id: string }>(
        "select id from public.sessions where ended_at is null order by id limit 500 offset $1",
        [seed * 500],
      );
      for (const { id } of rows) {
        if (!running) return;
        await client.query(
          "update public.sessions set ended_at = started_at + interval '1 h' where id = $1",
          [id],
        );
        completed += 1;
        await sleep(1);
      }
    };
    const writers = [0, 1, 2].map(complete);
    await runFile(migrator, BACKFILL.replace("size 500", "size 125"));
    running = false;
    await Promise.all(writers);
    expect(completed).toBeGreaterThan(50);
    const { rows } = await superuser.query(`
      select count(*)::integer as wrong from public.user_progress p
       where (total_sessions, total_vocabulary) is distinct from (
         select (count(*), coalesce(sum(vocabulary_count), 0)) from public.sessions s
          where s.user_id = p.user_id and s.ended_at is not null)`);
    expect(rows).toEqual([{ wrong: 0 }]);
  });
});

describe("the pace of batches", () => {
  it("doubles after fast batches up to the size, and shrinks by as much as a slow one was slow", () => {
    const pace = new Pace({ size: 5_000, targetMs: 500 }, 500);
    const sizes = [10, 10, 10, 10, 400, 1_000, 1_001, 20_000, 999_999, 600_000].map(
      (durationMs) => {
        pace.took(durationMs);
        return pace.size;
      },
    );
    expect(sizes).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 2_497, 62, 1, 1]);
    pace.halve();
    expect(pace.size).toBe(1);
  });
});

describe("the progress of batches", () => {
  const progressed = { keys: 620_000, estimatedKeys: 1_000_000, rows: 600_000, batches: 124 };

  it.each([
    [9.2, "10 s"],
    [59.5, "1 min"],
    [170, "3 min"],
    [4_000, "1 h 7 min"],
  ])("is told in one line, %d s before the end", (remainingSeconds, left) => {
    expect(
      describeProgress({
        ...progressed,
        keysPerSecond: 41_304.2,
        remainingSeconds,
        finished: false,
      }),
    ).toBe(
      `██████████████░░░░░░░░░░ 62 %, 620,000 of about 1,000,000 keys, 41,304 keys/s, ${left} left`,
    );
  });

  it("never says 100 % before the end, though the estimate was too low", () => {
    const line = describeProgress({
      ...progressed,
      estimatedKeys: 620_000,
      keysPerSecond: 1,
      remainingSeconds: 0,
      finished: false,
    });
    expect(line).toBe(
      "███████████████████████░ 99 %, 620,000 of about 620,000 keys, 1 keys/s, 0 s left",
    );
  });
});
