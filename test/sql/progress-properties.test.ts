// Histories that fast-check draws: whatever a user has learned and in which order, the counters are
// what the reference computes from it. A failure prints the seed, the path and the smallest history;
// `fc.assert(…, { seed, path })` repeats it.
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import type { Client, ClientBase } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import {
  type CompletedSession,
  DAY,
  dayOf,
  expectedProgress,
  STORED_PROGRESS,
} from "./progress-reference";
import { applyAll, run } from "./sql-files";

/** Before jest gives up, which would not print the seed. */
const interruptAfterTimeLimit = 60_000;
const BACKFILL = "002_backfill_user_progress";

const midnight = (date: string) => BigInt(Date.parse(`${date}T00:00Z`)) * 1000n;

/** The first and the last second of PostgreSQL's calendar. */
const FIRST = midnight("-004713-11-24");
const LAST = 9_224_318_015_999_000_000n;
/** From here on, 30 years from the end, PostgreSQL's `extract(epoch …)` rounds parts of a second. */
const ROUNDED = LAST - 30n * 366n * DAY;

/** The first of the ten days that most sessions of a history end on. */
const DECADES = [
  "2024-02-24", // a leap day
  "2000-02-24", // a leap day of a century
  "2100-02-24", // a century without one
  "2025-12-27", // a year's end within a week
  "2026-03-01", // a Sunday
  "1969-12-27", // around day 0
  "0000-02-24", // a leap day, 1 BC
  "-000043-03-11",
].map(midnight);

const edgeOfDay = fc.constantFrom(0n, 1n, DAY - 1n, DAY / 2n);
const duration = fc.oneof(
  fc.constantFrom(0n, 1n, 999_999n, 1_000_000n, 3_600_000_000n, DAY, LAST - FIRST),
  fc.bigInt(0n, 3n * DAY),
);
const count = fc.oneof({ weight: 9, arbitrary: fc.nat(30) }, fc.constant(2_147_483_647));

function sessionIn(decade: bigint): fc.Arbitrary<CompletedSession> {
  const endedAt = fc.oneof(
    {
      weight: 20,
      arbitrary: fc
        .tuple(fc.bigInt(0n, 9n), fc.oneof(edgeOfDay, fc.bigInt(0n, DAY - 1n)))
        .map(([day, time]) => decade + day * DAY + time),
    },
    fc.constantFrom(FIRST, LAST),
    fc.bigInt(FIRST, LAST),
  );
  return fc
    .record({
      // Neither drawn nor shrunk to one that another session has.
      id: fc.noShrink(fc.noBias(fc.uuid())),
      endedAt,
      duration,
      descriptions: count,
      images: count,
      questions: count,
      vocabulary: count,
    })
    .map(({ duration: lasted, ...session }) => ({
      ...session,
      startedAt: inCalendar(session.endedAt - lasted),
      endedAt: inCalendar(session.endedAt),
    }));
}

function inCalendar(time: bigint): bigint {
  if (time < FIRST) return FIRST;
  if (time > LAST) return LAST;
  return time < ROUNDED ? time : time - (time % 1_000_000n);
}

/** Sessions in the order in which they are completed: any, that of their ends, or its reverse. */
function history(minLength: number, maxLength: number): fc.Arbitrary<CompletedSession[]> {
  const byEnd = (sign: number) => (a: CompletedSession, b: CompletedSession) =>
    sign * (a.endedAt < b.endedAt ? -1 : a.endedAt > b.endedAt ? 1 : 0);
  const order = fc.constantFrom(undefined, byEnd(1), byEnd(-1));
  return fc
    .constantFrom(FIRST, ...DECADES, dayOf(LAST - 9n * DAY) * DAY)
    .chain((decade) => fc.tuple(fc.array(sessionIn(decade), { minLength, maxLength }), order))
    .map(([sessions, inOrder]) => (inOrder ? sessions.toSorted(inOrder) : sessions));
}

describe("the counters of a user", () => {
  let database: TestDatabase;
  let superuser: Client;
  let migrator: Client;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    migrator = await database.connect("migrator");
    await applyAll(migrator);
  });
  afterAll(() => database.drop());

  const DRAWN =
    "as d (id uuid, user_id uuid, start_day int, start_second float, end_day int, end_second float, " +
    "descriptions int, images int, questions int, vocabulary int)";
  const time = (of: "start" | "end") =>
    `(timestamp 'epoch' + make_interval(days => d.${of}_day, secs => d.${of}_second)) at time zone 'UTC'`;

  /** A session as {@link DRAWN} reads it. */
  const drawn = (user: string, { startedAt, endedAt, ...session }: CompletedSession) => ({
    ...session,
    user_id: user,
    start_day: Number(dayOf(startedAt)),
    start_second: Number(startedAt - dayOf(startedAt) * DAY) / 1e6,
    end_day: Number(dayOf(endedAt)),
    end_second: Number(endedAt - dayOf(endedAt) * DAY) / 1e6,
  });

  /** New users, with sessions of their own that are open, or completed without the trigger. */
  async function signUp(histories: CompletedSession[][], areOpen: boolean): Promise<string[]> {
    const users = histories.map(() => randomUUID());
    await superuser.query("delete from public.users");
    await superuser.query(
      "insert into public.users (id, email) select id, id || '@example.org' from unnest($1::uuid[]) id",
      [users],
    );
    const sessions = histories.flatMap((each, n) => each.map((s) => drawn(users[n] ?? "", s)));
    await superuser.query(
      "insert into public.sessions (id, user_id, started_at, ended_at, descriptions_count, " +
        "images_count, questions_count, vocabulary_count) " +
        `select d.id, d.user_id, ${time("start")}, case when not $2 then ${time("end")} end, ` +
        `descriptions, images, questions, vocabulary from jsonb_to_recordset($1) ${DRAWN}`,
      [JSON.stringify(sessions), areOpen],
    );
    return users;
  }

  async function complete(client: ClientBase, user: string, session: CompletedSession) {
    const { rowCount } = await client.query(
      `update public.sessions s set ended_at = ${time("end")} ` +
        `from jsonb_to_record($1) ${DRAWN} where s.id = d.id`,
      [JSON.stringify(drawn(user, session))],
    );
    expect(rowCount).toBe(1);
  }

  async function expectCounters(client: ClientBase, user: string, done: CompletedSession[]) {
    const { rows } = await client.query(STORED_PROGRESS, [user]);
    expect(rows).toEqual([expect.objectContaining(expectedProgress(done))]);
  }

  it("are those of the reference after each completion, whatever was completed before it", () =>
    fc.assert(
      fc.asyncProperty(
        history(1, 10),
        fc.constantFrom("UTC", "Pacific/Auckland", "America/St_Johns"),
        async (sessions, zone) => {
          const [user = ""] = await signUp([sessions], true);
          await database.asUser(user, async (client) => {
            // The time zone of the connection must not matter: days are UTC.
            await client.query(`set local timezone = '${zone}'`);
            for (const [at, session] of sessions.entries()) {
              await complete(client, user, session);
              await expectCounters(client, user, sessions.slice(0, at + 1));
            }
          });
        },
      ),
      { numRuns: 40, interruptAfterTimeLimit },
    ));

  it("are those of the reference when many connections complete at once, the first among them", () =>
    fc.assert(
      fc.asyncProperty(history(8, 16), async (sessions) => {
        const [user = ""] = await signUp([sessions], true);
        await Promise.all(
          sessions.map((session) =>
            database.asUser(user, (client) => complete(client, user, session), { commit: true }),
          ),
        );
        await expectCounters(superuser, user, sessions);
      }),
      { numRuns: 15, interruptAfterTimeLimit },
    ));

  it("are those of the reference after 002, and its verify agrees", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(history(1, 10), fc.boolean()), { minLength: 1, maxLength: 25 }),
        async (drawnUsers) => {
          const histories = drawnUsers.map(([sessions]) => sessions);
          const users = await signUp(histories, false);
          // 001 gave a row to all but those who came later.
          await superuser.query(
            "insert into public.user_progress (user_id) select unnest($1::uuid[])",
            [users.filter((_, n) => drawnUsers[n]?.[1])],
          );
          await run(migrator, BACKFILL, "forward");
          await run(migrator, BACKFILL, "verify");
          for (const [n, user] of users.entries()) {
            await expectCounters(superuser, user, histories[n] ?? []);
          }
        },
      ),
      { numRuns: 15, interruptAfterTimeLimit },
    ));
});
