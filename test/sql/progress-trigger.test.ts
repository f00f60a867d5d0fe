// Single cases; `progress-properties.test.ts` has random histories.
import { randomUUID } from "node:crypto";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { applyAll, rejection } from "./sql-files";

describe("trigger_update_user_progress_from_session", () => {
  let database: TestDatabase;
  let superuser: Client;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    await applyAll(await database.connect("migrator"));
  });
  afterAll(() => database.drop());

  async function signUp(): Promise<string> {
    const id = randomUUID();
    const sql = "insert into public.users (id, email) values ($1, $2)";
    await database.asUser(id, (c) => c.query(sql, [id, `${id}@example.org`]), { commit: true });
    return id;
  }

  async function start(user: string, startedAt: string, id: string = randomUUID()) {
    const sql = "insert into public.sessions (id, user_id, started_at) values ($1, $2, $3)";
    await database.asUser(user, (c) => c.query(sql, [id, user, startedAt]), { commit: true });
    return id;
  }

  const COMPLETE = "update public.sessions set ended_at = $2 where id = $1";

  async function complete(user: string, id: string, endedAt: string) {
    return database.asUser(user, (c) => c.query(COMPLETE, [id, endedAt]), { commit: true });
  }

  async function progressOf(user: string): Promise<Record<string, unknown> | undefined> {
    const { rows } = await superuser.query(
      "select * from public.user_progress where user_id = $1",
      [user],
    );
    expect(rows.length).toBeLessThan(2);
    return rows[0];
  }

  it("counts nothing for a session that is open, or that changes while open", async () => {
    const user = await signUp();
    const id = await start(user, "2026-03-02 10:00Z");
    const sql = "update public.sessions set images_count = 4 where id = $1";
    await database.asUser(user, (c) => c.query(sql, [id]), { commit: true });
    expect(await progressOf(user)).toBeUndefined();
    await complete(user, id, "2026-03-02 10:00:01.999Z");
    expect(await progressOf(user)).toMatchObject({
      total_sessions: "1",
      total_images: "4",
      total_time_seconds: "1",
    });
  });

  it("makes the progress row that is missing, and keeps what is in one that is there", async () => {
    const user = await signUp();
    const sql = `insert into public.user_progress (user_id, preferences) values ($1, '{"a":1}')`;
    await database.asUser(user, (c) => c.query(sql, [user]), { commit: true });
    await complete(user, await start(user, "2026-03-02 10:00Z"), "2026-03-02 10:30Z");
    expect(await progressOf(user)).toMatchObject({ total_sessions: "1", preferences: { a: 1 } });

    const another = await signUp();
    expect(await progressOf(another)).toBeUndefined();
    await complete(another, await start(another, "2026-03-02 10:00Z"), "2026-03-02 10:30Z");
    expect(await progressOf(another)).toMatchObject({ total_sessions: "1", preferences: {} });
  });

  it("starts a week on Monday and a day at midnight, UTC", async () => {
    const user = await signUp();
    const ends = ["2026-03-01 23:59:59.999Z", "2026-03-02 00:00Z", "2026-03-08 23:59:59.999Z"];
    for (const end of ends) await complete(user, await start(user, "2026-03-01 23:00Z"), end);
    // The first is a Sunday; the other two are the Monday and the Sunday of one week.
    expect(await progressOf(user)).toMatchObject({
      sessions_this_week: "2",
      sessions_today: "1",
      current_streak_days: "1",
      longest_streak_days: "2",
    });
  });

  it("joins two runs when the day between them is completed last", async () => {
    const user = await signUp();
    for (const day of [1, 2, 4, 5]) {
      const time = `2026-03-0${day} 12:00Z`;
      await complete(user, await start(user, time), time);
    }
    expect(await progressOf(user)).toMatchObject({
      current_streak_days: "2",
      longest_streak_days: "2",
    });
    await complete(user, await start(user, "2026-03-03 12:00Z"), "2026-03-03 12:00Z");
    expect(await progressOf(user)).toMatchObject({
      current_streak_days: "5",
      longest_streak_days: "5",
      last_activity_at: new Date("2026-03-05 12:00Z"),
    });
  });

  it("counts times before 1970 and at the far ends of the calendar", async () => {
    const user = await signUp();
    const times = ["1969-12-28 23:00Z", "1969-12-29 01:00Z", "0044-03-15 12:00Z BC"];
    for (const time of times) await complete(user, await start(user, time), time);
    expect(await progressOf(user)).toMatchObject({
      sessions_this_week: "1",
      current_streak_days: "2",
      total_sessions: "3",
    });
    await complete(user, await start(user, "4713-01-02 00:00Z BC"), "294276-12-31 00:00Z");
    expect(await progressOf(user)).toMatchObject({
      longest_session_seconds: "9435181363200",
      sessions_this_week: "1",
    });
  });

  it("takes the greatest id of two sessions that end at the same time", async () => {
    const user = await signUp();
    const [greater, lesser] = ["ffffffff", "00000000"].map((prefix) =>
      randomUUID().replace(/^.{8}/, prefix),
    );
    for (const id of [greater, lesser]) {
      await complete(user, await start(user, "2026-03-02 10:00Z", id), "2026-03-02 11:00Z");
    }
    expect(await progressOf(user)).toMatchObject({ last_session_id: greater });
  });

  it("counts sessions that were completed before 001 at the first completion after it", async () => {
    const user = await signUp();
    await superuser.query(
      "insert into public.sessions (user_id, started_at, ended_at, images_count) " +
        "values ($1, '2026-03-01 10:00Z', '2026-03-01 10:01Z', 7)",
      [user],
    );
    expect(await progressOf(user)).toBeUndefined();
    await complete(user, await start(user, "2026-03-02 10:00Z"), "2026-03-02 10:01Z");
    expect(await progressOf(user)).toMatchObject({
      total_sessions: "2",
      total_images: "7",
      current_streak_days: "2",
    });
  });

  it("counts one user's sessions for that user alone", async () => {
    const [one, other] = [await signUp(), await signUp()];
    for (const user of [one, other, other]) {
      await complete(user, await start(user, "2026-03-02 10:00Z"), "2026-03-02 11:00Z");
    }
    expect(await progressOf(one)).toMatchObject({ total_sessions: "1" });
    expect(await progressOf(other)).toMatchObject({ total_sessions: "2" });
  });

  it("makes a completion wait for another of the same user, and count it", async () => {
    const user = await signUp();
    await complete(user, await start(user, "2026-03-02 10:00Z"), "2026-03-02 11:00Z");
    const first = await start(user, "2026-03-02 10:00Z");
    const second = await start(user, "2026-03-02 10:00Z");

    // A completion that has locked the row and has not counted yet.
    const rival = await database.connect("postgres");
    await rival.query("begin");
    await rival.query("select from public.user_progress where user_id = $1 for no key update", [
      user,
    ]);
    const waiting = complete(user, second, "2026-03-02 11:00Z");
    await untilSomebodyWaits();
    await rival.query(COMPLETE, [first, "2026-03-02 11:00Z"]);
    await rival.query("commit");

    await waiting;
    expect(await progressOf(user)).toMatchObject({ total_sessions: "3" });
  });

  it("refuses a completion in a snapshot that is too old to count with", async () => {
    const user = await signUp();
    const [first, second] = [
      await start(user, "2026-03-02 10:00Z"),
      await start(user, "2026-03-02 10:00Z"),
    ];
    await complete(user, first, "2026-03-02 11:00Z");
    const third = await start(user, "2026-03-02 10:00Z");
    const app = await database.connect("app");
    await app.query("begin isolation level repeatable read");
    await app.query("set local role authenticated");
    await app.query("select set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ sub: user }),
    ]);
    await app.query("select count(*) from public.sessions");
    await complete(user, second, "2026-03-02 11:00Z");
    expect(await rejection(app.query(COMPLETE, [third, "2026-03-02 11:00Z"]))).toMatchObject({
      code: "40001",
    });
    await app.query("rollback");
    expect(await progressOf(user)).toMatchObject({ total_sessions: "2" });
  });

  async function untilSomebodyWaits(): Promise<void> {
    for (let tries = 0; tries < 500; tries += 1) {
      const { rows } = await superuser.query(
        "select count(*)::int as n from pg_stat_activity " +
          "where datname = current_database() and wait_event_type = 'Lock'",
      );
      if (rows[0].n > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("Nobody waited for a lock within five seconds.");
  }
});
