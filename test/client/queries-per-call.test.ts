import { randomUUID } from "node:crypto";
import pg from "pg";
import type { AppData } from "../../src/app-data";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

let database: ClientDatabase;
let data: AppData;

beforeAll(async () => {
  database = await createClientDatabase();
  data = await database.open();
});
afterAll(() => database.drop());

/** A user with so many sessions, API keys and exports with a file. */
async function signUp(many: number): Promise<{ user: string; exported: string }> {
  const user = randomUUID();
  const superuser = await database.connect("postgres");
  await superuser.query("insert into public.users (id, email) values ($1, $2)", [
    user,
    `${user}@example.org`,
  ]);
  await superuser.query(
    "insert into public.sessions (user_id, started_at) select $1, now() from generate_series(1, $2)",
    [user, many],
  );
  let exported = "";
  for (let at = 0; at < many; at += 1) {
    await data.vault.put(user, `provider-${at}`, "sk-secret");
    exported = await data.exports.request(user, { type: "sessions", format: "jsonl" });
    await data.exports.run(exported);
  }
  return { user, exported };
}

/** What a call sends to the database: transactions have two more, their begin and their end. */
async function queriesOf(call: () => Promise<unknown>): Promise<number> {
  const query = jest.spyOn(pg.Client.prototype, "query");
  try {
    await call();
    return query.mock.calls.length;
  } finally {
    query.mockRestore();
  }
}

it("asks the database as often for a user of many rows as for one of few", async () => {
  const countsFor = async (many: number) => {
    const { user, exported } = await signUp(many);
    const pending = await data.exports.request(user, { type: "full", format: "csv" });
    const counts: Record<string, number> = {};
    const calls: [string, () => Promise<unknown>][] = [
      ["asUser", () => data.asUser(user, (db) => db.selectFrom("sessions").select("id").execute())],
      ["vault.list", () => data.vault.list(user)],
      ["vault.get", () => data.vault.get(user, "provider-0")],
      ["vault.put", () => data.vault.put(user, "provider-0", "sk-other")],
      ["vault.delete", () => data.vault.delete(user, "provider-0")],
      ["exports.status", () => data.exports.status(user, exported)],
      ["exports.download", () => data.exports.download(user, exported)],
      ["exports.run", () => data.exports.run(pending)],
      ["exports.delete", () => data.exports.delete(user, pending)],
      ["users.erase", () => data.users.erase(user)],
    ];
    for (const [name, call] of calls) counts[name] = await queriesOf(call);
    return counts;
  };
  const counts = {
    asUser: 3,
    "vault.list": 3,
    "vault.get": 3,
    "vault.put": 6,
    "vault.delete": 6,
    "exports.status": 3,
    "exports.download": 6,
    "exports.run": 16,
    "exports.delete": 9,
    "users.erase": 7,
  };
  expect(await countsFor(1)).toEqual(counts);
  expect(await countsFor(20)).toEqual(counts);
});
