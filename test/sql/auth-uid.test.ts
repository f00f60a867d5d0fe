import { createDatabase, type TestDatabase } from "../support/database";
import { applyAll } from "./sql-files";

const USER = "3b1f8a52-7c1d-4a4e-9f63-0d5a4c1e2b90";
const OTHER = "9a7e2f10-44c5-4f5b-8b0a-6a1d2c3e4f50";

describe("auth.uid()", () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase();
    await applyAll(await database.connect("migrator"));
  });
  afterAll(() => database.drop());

  const uidFor = (claims: object | string | undefined) =>
    database.asRole("authenticated", claims, async (client) => {
      const { rows } = await client.query("select auth.uid() as uid");
      return rows[0].uid;
    });

  it("gives the sub claim of the transaction", async () => {
    expect(await uidFor({ sub: USER })).toBe(USER);
    expect(await uidFor({ sub: USER.toUpperCase(), role: "authenticated", exp: 1 })).toBe(USER);
  });

  it.each([
    ["empty", ""],
    ["not JSON", "not json"],
    ["cut off", `{"sub":"${USER}"`],
    ["an array", `["${USER}"]`],
    ["a string", `"${USER}"`],
    ["a number", "1"],
    ["null", "null"],
    ["without sub", "{}"],
    ["with a null sub", '{"sub":null}'],
    ["with an empty sub", '{"sub":""}'],
    ["with a sub that is no UUID", '{"sub":"alice"}'],
    ["with a number of 32 digits as sub", '{"sub":12345678901234567890123456789012}'],
    ["with an object as sub", `{"sub":{"sub":"${USER}"}}`],
    ["with a character that jsonb has no place for", '{"sub":"\\u0000"}'],
    ["with half a surrogate pair", '{"sub":"\\ud800"}'],
    ["with a number that jsonb has no place for", `{"n":1e999999,"sub":"${USER}"}`],
    ["nested too deep for the parser's stack", "[".repeat(200_000)],
    ["nested as deep as the length allows", "[".repeat(12_288)],
    ["longer than a request header", JSON.stringify({ sub: USER, padding: "x".repeat(12_288) })],
  ])("gives null, and no error, for claims that are %s", async (_, claims) => {
    expect(await uidFor(claims)).toBeNull();
  });

  it("gives null where the setting was never made", async () => {
    const app = await database.connect("app");
    await app.query("begin");
    await app.query("set local role authenticated");
    const { rows } = await app.query(
      "select auth.uid() as uid, current_setting('request.jwt.claims', true) as setting",
    );
    await app.query("rollback");
    expect(rows).toEqual([{ uid: null, setting: null }]);
  });

  it("acceptance 9: leaves nothing behind on a pooled connection", async () => {
    const app = await database.connect("app");
    const identity = async (claims?: object) => {
      await app.query("begin");
      await app.query("set local role authenticated");
      if (claims) {
        await app.query("select set_config('request.jwt.claims', $1, true)", [
          JSON.stringify(claims),
        ]);
      }
      const { rows } = await app.query(
        "select auth.uid() as uid, current_setting('request.jwt.claims', true) as setting, " +
          "(select count(*)::int from public.users) as users",
      );
      await app.query("commit");
      return rows[0];
    };
    const superuser = await database.connect("postgres");
    await superuser.query(
      `insert into public.users (id, email) values ('${USER}', 'a@x'), ('${OTHER}', 'b@x')`,
    );
    expect(await identity({ sub: USER })).toMatchObject({ uid: USER, users: 1 });
    // Not null: this is what breaks an identity function that only looks for null.
    expect(await identity()).toEqual({ uid: null, setting: "", users: 0 });
    const { rows } = await superuser.query("select count(*)::int as users from public.users");
    expect(rows).toEqual([{ users: 2 }]);
  });

  it("gives the same in a parallel worker", async () => {
    const rows = await database.asUser(USER, async (client) => {
      await client.query("set local debug_parallel_query = on");
      const plan = await client.query("explain (costs off) select * from public.users");
      expect(plan.rows.map((row) => row["QUERY PLAN"]).join("\n")).toContain("Gather");
      return (await client.query("select id from public.users")).rows;
    });
    expect(rows).toEqual([{ id: USER }]);
  });
});
