import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Client } from "pg";
import type { AppData } from "../../src/app-data";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

const USERS = 50;
const CONNECTIONS = 5;
const QUERIES = 100_000;
const QUERIES_PER_TRANSACTION = 50;
/** One transaction of so many goes wrong, each in another way. */
const FAILS_EVERY = 8;

let database: ClientDatabase;
let superuser: Client;
let data: AppData;
let users: string[];

beforeAll(async () => {
  database = await createClientDatabase();
  superuser = await database.connect("postgres");
  users = Array.from({ length: USERS }, () => randomUUID());
  await superuser.query(
    "insert into public.users (id, email) select u, u::text || '@x.io' from unnest($1::uuid[]) u",
    [users],
  );
  await superuser.query(
    "insert into public.sessions (user_id, started_at) select u, now() from unnest($1::uuid[]) u",
    [users],
  );
  data = await database.open({ poolSize: CONNECTIONS });
});
afterAll(() => database.drop());

type Queries = Parameters<Parameters<AppData["asUser"]>[1]>[0];

const pidOf = async (db: Queries) => {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  return rows[0]?.pid;
};
const FAILURES: Record<string, (db: Queries) => Promise<unknown>> = {
  thrown: () => Promise.reject(new Error("thrown")),
  "an error of SQL": (db) => sql`select 1 / 0`.execute(db),
  "a query that nobody waits for": async (db) => {
    sql`select pg_sleep(0.002)`.execute(db).catch(() => undefined);
    throw new Error("thrown");
  },
  "a query that was cancelled": async (db) => {
    const pid = await pidOf(db);
    const sleeping = sql`select pg_sleep(10)`.execute(db);
    const cancel =
      "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'";
    const isOver = sleeping.then(() => true).catch(() => true);
    while (!(await Promise.race([isOver, sleep(2, false)]))) await superuser.query(cancel, [pid]);
    await sleeping;
  },
  "a connection that was ended": async (db) => {
    await superuser.query("select pg_terminate_backend($1)", [await pidOf(db)]);
    await db.selectFrom("users").select("id").execute();
  },
  "a role of the session": async (db) => {
    await sql`select set_config('role', 'service_role', false)`.execute(db);
    await sql`commit`.execute(db);
  },
  "a deadline": (db) => sql`select pg_sleep(10)`.execute(db),
};

it(`shows ${USERS} users at once over ${CONNECTIONS} connections no row of another, whatever fails`, async () => {
  const kinds = Object.entries(FAILURES);
  const counts = { queries: 0, foreign: 0, missing: 0, transactions: 0 };
  const failed = new Map<string, number>();

  async function runOne(user: string): Promise<void> {
    const turn = (counts.transactions += 1);
    const [kind, failure] = kinds[Math.floor(turn / FAILS_EVERY) % kinds.length] ?? [];
    const fails = turn % FAILS_EVERY === 0;
    const work = async (db: Queries) => {
      const query = db.selectFrom("sessions").select("user_id").compile();
      const answers = await Promise.all(
        Array.from({ length: QUERIES_PER_TRANSACTION }, () => db.executeQuery(query)),
      );
      for (const { rows } of answers) {
        counts.queries += 1;
        if (rows.length !== 1) counts.missing += 1;
        counts.foreign += rows.filter((row) => row.user_id !== user).length;
      }
      if (fails) await failure?.(db);
    };
    const options = fails && kind === "a deadline" ? { deadlineMs: 200 } : {};
    const outcome = await data.asUser(user, work, options).then(
      () => undefined,
      (error: unknown) => error,
    );
    // Not by its class: what Node.js throws is not of this context's.
    if (fails !== (outcome !== undefined)) throw outcome ?? new Error(`${kind} did not fail.`);
    if (fails) failed.set(kind ?? "", (failed.get(kind ?? "") ?? 0) + 1);
  }

  await Promise.all(
    users.map(async (user) => {
      while (counts.queries < QUERIES) await runOne(user);
    }),
  );
  expect(counts).toMatchObject({ foreign: 0, missing: 0 });
  expect(counts.queries).toBeGreaterThanOrEqual(QUERIES);
  expect([...failed.keys()].sort()).toEqual(Object.keys(FAILURES).sort());
  const { rows } = await superuser.query(
    "select count(distinct user_id)::integer as users from public.sessions",
  );
  expect(rows).toEqual([{ users: USERS }]);
});
