import { randomUUID } from "node:crypto";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { dumpCatalog } from "./catalog-dump";
import { migrationsThrough, rejection, run, runStatements } from "./sql-files";

const NAME = "003_progress_analytics";
const REPORTS = ["activity_by_day", "activity_by_week", "retention_by_cohort", "vocabulary_growth"];
const REFRESH = "select public.refresh_progress_analytics() as refreshed";

let database: TestDatabase;
let migrator: Client;
let superuser: Client;

beforeAll(async () => {
  database = await createDatabase();
  migrator = await database.connect("migrator");
  superuser = await database.connect("postgres");
  for (const migration of migrationsThrough(NAME)) {
    await run(migrator, migration, "forward");
    await run(migrator, migration, "verify");
  }
});
afterAll(() => database.drop());
beforeEach(() => superuser.query("delete from public.users"));

/** A user with completed sessions, each `[ended at, seconds, vocabulary]`; times as SQL. */
async function learner(...sessions: [string, number, number][]): Promise<string> {
  const id = randomUUID();
  await superuser.query("insert into public.users (id, email) values ($1, $2)", [id, id]);
  for (const [ended, seconds, vocabulary] of sessions) {
    const session = await superuser.query<{ id: string }>(
      `insert into public.sessions (user_id, started_at, vocabulary_count)
         values ($1, (${ended})::timestamptz - $2 * interval '1 s', $3) returning id`,
      [id, seconds, vocabulary],
    );
    await superuser.query(
      `update public.sessions set ended_at = (${ended})::timestamptz where id = $1`,
      [session.rows[0]?.id],
    );
  }
  return id;
}

/** As many learners as are asked for. */
async function learners(count: number, ...sessions: [string, number, number][]): Promise<string[]> {
  const ids: string[] = [];
  for (let made = 0; made < count; made += 1) ids.push(await learner(...sessions));
  return ids;
}

const asService = (sql: string, options = { commit: true }) =>
  database.asRole("service_role", undefined, (c) => c.query(sql), options);

/** A report after a refresh, a line a row. */
async function report(name: string): Promise<string[]> {
  await asService(REFRESH);
  const { rows } = await asService(
    `select row_to_json(r)::text as line from public.${name} r order by 1`,
  );
  return rows.map(({ line }: { line: string }) => line.replaceAll('"', ""));
}

describe("progress_trends", () => {
  const monday = "date_trunc('week', now() at time zone 'UTC') at time zone 'UTC'";
  const trends = async (user: string) =>
    database.asUser(
      user,
      async (client) => (await client.query("select * from public.progress_trends")).rows,
    );

  it("compares this week with last week, and counts active days", async () => {
    const user = await learner(
      [`${monday}`, 60, 3],
      [`${monday}`, 30, 1],
      [`${monday} - interval '1 us'`, 100, 10],
      [`${monday} - interval '7 days'`, 1, 10],
      [`${monday} - interval '7 days 1 us'`, 1, 10],
    );
    const sunday = (
      await superuser.query("select extract(isodow from now() at time zone 'UTC')::int - 1 as n")
    ).rows[0].n;
    expect(await trends(user)).toEqual([
      expect.objectContaining({
        user_id: user,
        days_since_last_activity: sunday,
        sessions_this_week: "2",
        sessions_last_week: "2",
        sessions_change: "0",
        vocabulary_this_week: "4",
        vocabulary_last_week: "20",
        vocabulary_change: "-16",
        seconds_this_week: "90",
        seconds_last_week: "101",
        seconds_change: "-11",
        active_days: "4",
        active_days_share: (4 / (sunday + 9)).toFixed(3),
      }),
    ]);
  });

  it("looks back 28 days, and calls a day that was claimed ahead of time no activity", async () => {
    const today = "date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'";
    const user = await learner(
      [`${today} - interval '27 days'`, 1, 0],
      [`${today} - interval '27 days 1 us'`, 1, 0],
      [`${today} + interval '1 day'`, 1, 0],
      ["'294276-12-31 23:59Z'", 1, 0],
      ["'4713-11-24 00:01Z BC'", 1, 0],
    );
    expect(await trends(user)).toEqual([
      expect.objectContaining({
        days_since_last_activity: 0,
        active_days: "1",
        active_days_share: "0.036",
      }),
    ]);
  });

  it("has nulls and zeros for a user who has completed nothing, and no row without a progress row", async () => {
    const user = await learner();
    expect(await trends(user)).toEqual([]);
    await superuser.query("insert into public.user_progress (user_id) values ($1)", [user]);
    expect(await trends(user)).toEqual([
      expect.objectContaining({
        days_since_last_activity: null,
        sessions_change: "0",
        active_days: "0",
        active_days_share: null,
      }),
    ]);
  });

  it("shows a user their own row and nobody else's, however it is asked for", async () => {
    const [alice, bob] = [await learner(["now()", 1, 1]), await learner(["now()", 1, 1])];
    expect((await superuser.query("select from public.progress_trends")).rowCount).toBe(2);
    expect((await trends(alice)).map(({ user_id }) => user_id)).toEqual([alice]);
    for (const sql of [
      `select from public.progress_trends where user_id = '${bob}'`,
      `select from public.progress_trends where user_id <> '${alice}' or true limit 5 offset 1`,
      `select from public.progress_trends t join public.progress_trends o on o.user_id <> t.user_id`,
    ]) {
      expect(await database.asUser(alice, async (c) => (await c.query(sql)).rowCount)).toBe(0);
    }
    expect(
      await database.asRole(
        "authenticated",
        undefined,
        async (c) => (await c.query("select from public.progress_trends")).rowCount,
      ),
    ).toBe(0);
  });

  it("is for signed-in users alone, and for reading alone", async () => {
    const select = "select from public.progress_trends";
    for (const role of ["anon", "service_role"] as const) {
      const asked = database.asRole(role, undefined, (c) => c.query(select));
      expect(await rejection(asked)).toMatchObject({ code: "42501" });
    }
    const user = await learner(["now()", 1, 1]);
    const written = database.asUser(user, (c) =>
      c.query("update public.progress_trends set today = today"),
    );
    expect((await rejection(written)).code).toMatch(/42501|55000/);
  });
});

describe("the reports", () => {
  it("count sessions by day and week, users once", async () => {
    await learners(
      5,
      ["'2026-03-01 23:59:59.9Z'", 10, 2],
      ["'2026-03-02 00:00Z'", 20, 3],
      ["'2026-03-02 12:00Z'", 20, 0],
    );
    expect(await report("activity_by_day")).toEqual([
      "{day:2026-03-01,users:5,sessions:5,seconds:50,vocabulary:10}",
      "{day:2026-03-02,users:5,sessions:10,seconds:200,vocabulary:15}",
    ]);
    expect(await report("activity_by_week")).toEqual([
      "{week:2026-02-23,users:5,sessions:5,seconds:50,vocabulary:10}",
      "{week:2026-03-02,users:5,sessions:10,seconds:200,vocabulary:15}",
    ]);
  });

  it("follow the cohort of a week through later weeks", async () => {
    await learners(6, ["'2026-03-03 12:00Z'", 1, 0], ["'2026-03-17 12:00Z'", 1, 0]);
    await learners(2, ["'2026-03-08 12:00Z'", 1, 0]);
    await learners(5, ["'2026-03-10 12:00Z'", 1, 0]);
    expect(await report("retention_by_cohort")).toEqual([
      "{cohort:2026-03-02,weeks_later:0,cohort_users:8,users:8,share:1.000}",
      "{cohort:2026-03-02,weeks_later:2,cohort_users:8,users:6,share:0.750}",
      "{cohort:2026-03-09,weeks_later:0,cohort_users:5,users:5,share:1.000}",
    ]);
  });

  it("add vocabulary up, over the weeks that are shown", async () => {
    await learners(5, ["'2026-03-03 12:00Z'", 1, 4], ["'2026-03-17 12:00Z'", 1, 6]);
    // Too few, and so not part of the total either: nothing can be told by subtraction.
    await learners(4, ["'2026-03-10 12:00Z'", 1, 100]);
    expect(await report("vocabulary_growth")).toEqual([
      "{week:2026-03-02,users:5,vocabulary:20,vocabulary_per_user:4.0,total_vocabulary:20}",
      "{week:2026-03-16,users:5,vocabulary:30,vocabulary_per_user:6.0,total_vocabulary:50}",
    ]);
  });

  it.each(REPORTS)("show nothing of 4 users, and their row with the fifth: %s", async (name) => {
    await learners(4, ["'2026-03-03 12:00Z'", 1, 1], ["'2026-03-03 13:00Z'", 1, 1]);
    expect(await report(name)).toEqual([]);
    await learner(["'2026-03-03 12:00Z'", 1, 1]);
    expect(await report(name)).toHaveLength(1);
  });

  it("are refreshed whatever times and counts a user claims", async () => {
    await learners(
      5,
      ["'294276-12-31 23:59:59Z'", 9_000_000_000_000, 2_147_483_647],
      ["'4713-11-24 00:01Z BC'", 1, 2_147_483_647],
    );
    for (const name of REPORTS) expect((await report(name)).length).toBeGreaterThan(0);
  });

  it.each(REPORTS)("are for service_role alone, and for reading alone: %s", async (name) => {
    expect(await report(name)).toEqual([]);
    for (const role of ["anon", "authenticated"] as const) {
      const asked = database.asRole(role, { sub: randomUUID() }, (c) =>
        c.query(`select from public.${name}`),
      );
      expect(await rejection(asked)).toMatchObject({ code: "42501" });
    }
    for (const sql of [`refresh materialized view public.${name}`, `delete from public.${name}`]) {
      expect((await rejection(asService(sql))).code).toMatch(/42501|42809/);
    }
  });

  it("are refreshed by service_role alone", async () => {
    expect((await asService(REFRESH)).rows).toEqual([{ refreshed: true }]);
    for (const role of ["anon", "authenticated"] as const) {
      const asked = database.asRole(role, { sub: randomUUID() }, (c) => c.query(REFRESH));
      expect(await rejection(asked)).toMatchObject({ code: "42501" });
    }
    expect(await rejection(asService("select from public.sessions"))).toMatchObject({
      code: "42501",
    });
  });

  it("are left to the first of two who refresh, and read meanwhile", async () => {
    await learners(5, ["'2026-03-03 12:00Z'", 1, 1]);
    await report("activity_by_day");
    await learners(5, ["'2026-03-04 12:00Z'", 1, 1]);
    await database.asRole(
      "service_role",
      undefined,
      async (first) => {
        expect((await first.query(REFRESH)).rows).toEqual([{ refreshed: true }]);
        expect((await asService(REFRESH)).rows).toEqual([{ refreshed: false }]);
        expect((await asService("select from public.activity_by_day")).rowCount).toBe(1);
      },
      { commit: true },
    );
    expect((await asService("select from public.activity_by_day")).rowCount).toBe(2);
    expect((await asService(REFRESH)).rows).toEqual([{ refreshed: true }]);
  });

  it("are left by the second, also where the first has done in a moment", async () => {
    const first = await database.connect("postgres");
    await first.query(`begin; set local role service_role; ${REFRESH}`);
    const second = asService(REFRESH);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await first.query("commit");
    expect((await second).rows).toEqual([{ refreshed: false }]);
  });

  it("are refreshed again in one transaction, and while somebody reads them", async () => {
    const reader = await database.connect("postgres");
    await reader.query("begin; select from public.activity_by_day");
    await database.asRole("service_role", undefined, async (client) => {
      expect((await client.query(REFRESH)).rows).toEqual([{ refreshed: true }]);
      expect((await client.query(REFRESH)).rows).toEqual([{ refreshed: true }]);
    });
    await reader.query("commit");
  });

  it("cannot be held up by a login without rights on them", async () => {
    await superuser.query(`grant connect on database ${database.name} to monitor`);
    const monitor = await database.connect("monitor");
    const held = await monitor.query(`
      select pg_advisory_lock(oid::bigint) from pg_class
       where relname in ('${REPORTS.join("', '")}')`);
    expect(held.rowCount).toBe(REPORTS.length);
    expect((await asService(REFRESH)).rows).toEqual([{ refreshed: true }]);
    await monitor.query("select pg_advisory_unlock_all()");
  });
});

describe("003", () => {
  it("changes nothing when it runs again, and goes away and comes back equal", async () => {
    const there = await dumpCatalog(migrator);
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await dumpCatalog(migrator)).toEqual(there);
    await run(migrator, NAME, "rollback");
    const without = await dumpCatalog(migrator);
    await run(migrator, NAME, "rollback");
    expect(await dumpCatalog(migrator)).toEqual(without);
    expect(
      without.filter((line) => /progress_trends|activity_by|retention|growth|refresh/.test(line)),
    ).toEqual([]);
    for (const earlier of migrationsThrough("002_backfill_user_progress"))
      await run(migrator, earlier, "verify");
    expect((await rejection(run(migrator, NAME, "verify"))).message).toMatch(
      /^SQL007 .*problems: 28\)/,
    );
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await dumpCatalog(migrator)).toEqual(there);
  });

  it("restores rights, functions, the view and indexes that were changed by hand", async () => {
    const there = await dumpCatalog(migrator);
    await migrator.query(`
      grant select on public.activity_by_day to authenticated, public;
      grant execute on function public.refresh_progress_analytics() to public;
      alter function public.refresh_progress_analytics() reset search_path;
      alter view public.progress_trends reset (security_invoker);
      drop index public.idx_activity_by_week_week`);
    await rejection(run(migrator, NAME, "verify"));
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await dumpCatalog(migrator)).toEqual(there);
  });

  it("keeps 002 from being rolled back before it", async () => {
    expect(await rejection(run(migrator, "002_backfill_user_progress", "rollback"))).toMatchObject({
      message:
        "SQL004 002_backfill_user_progress cannot be rolled back before 003_progress_analytics.",
      hint: "Run 003_progress_analytics_rollback.sql first.",
    });
  });

  const view = "public.progress_trends";
  it.each([
    [`alter view ${view} reset (security_invoker)`, `view ${view} is "`],
    [`alter view ${view} owner to postgres`, `view ${view} is "`],
    [
      "grant select on public.progress_trends to service_role",
      `rights on ${view} of service_role is not`,
    ],
    [
      "grant select (user_id) on public.progress_trends to anon",
      `column rights on ${view} of anon is not`,
    ],
    [
      "revoke select on public.progress_trends from authenticated",
      `rights on ${view} of authenticated is missing`,
    ],
    ...REPORTS.flatMap((name): [string, string][] => [
      [`drop materialized view public.${name}`, `view public.${name} is missing`],
      [`alter materialized view public.${name} rename to other`, `view public.${name} is missing`],
      [`alter materialized view public.${name} owner to postgres`, `view public.${name} is "`],
      [`refresh materialized view public.${name} with no data`, `view public.${name} is "`],
      [
        `grant select on public.${name} to authenticated`,
        `rights on public.${name} of authenticated is not`,
      ],
      [`grant select on public.${name} to public`, `rights on public.${name} of PUBLIC is not`],
      [
        `revoke select on public.${name} from service_role`,
        `rights on public.${name} of service_role is missing`,
      ],
      [
        `create view public.copy as select * from public.${name}`,
        "view public.copy is not part of this",
      ],
      [
        `create materialized view public.copy as select * from public.${name}`,
        "view public.copy is not part",
      ],
    ]),
    [
      "drop index public.idx_vocabulary_growth_week",
      "index public.idx_vocabulary_growth_week is missing",
    ],
    [
      "create or replace function public.smallest_reported_group() returns bigint language sql immutable parallel safe set search_path = '' as 'select 4::bigint'",
      "body of public.smallest_reported_group() is",
    ],
    [
      "alter function public.smallest_reported_group() volatile",
      "function public.smallest_reported_group() is",
    ],
    [
      "grant execute on function public.refresh_progress_analytics() to authenticated",
      "function public.refresh_progress_analytics() is",
    ],
    [
      "alter function public.refresh_progress_analytics() security invoker",
      "function public.refresh_progress_analytics() is",
    ],
    [
      "alter function public.refresh_progress_analytics() reset search_path",
      "function public.refresh_progress_analytics() is",
    ],
    [
      "create or replace function public.refresh_progress_analytics() returns boolean language plpgsql security definer set search_path = '' set lock_timeout = '2s' as 'begin return true; end'",
      "body of public.refresh_progress_analytics() is",
    ],
  ])("verify notices: %s", async (sql, noticed) => {
    await superuser.query("begin");
    await superuser.query(sql);
    await superuser.query("set local role migrator");
    const { message } = await rejection(runStatements(superuser, NAME, "verify"));
    await superuser.query("rollback");
    expect(
      message
        .split("\n- ")
        .slice(1)
        .filter((line) => line.startsWith(noticed)),
    ).not.toEqual([]);
  });
});
