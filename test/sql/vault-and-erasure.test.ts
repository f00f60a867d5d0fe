import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { ROWS } from "./access-attempts";
import { dumpCatalog } from "./catalog-dump";
import { applyThrough, migrationsThrough, rejection, run } from "./sql-files";

const NAME = "007_vault_and_erasure";
const BEFORE = migrationsThrough(NAME).at(-2) ?? NAME;

describe("007, forward, again and back", () => {
  let database: TestDatabase;
  let migrator: Client;

  beforeEach(async () => {
    database = await createDatabase();
    migrator = await database.connect("migrator");
    await applyThrough(migrator, BEFORE);
  });
  afterEach(() => database.drop());

  it("changes nothing when it runs again, and leaves nothing when it is rolled back", async () => {
    const before = await dumpCatalog(migrator);
    await run(migrator, NAME, "forward");
    const after = await dumpCatalog(migrator);
    await run(migrator, NAME, "forward");
    expect(await dumpCatalog(migrator)).toEqual(after);
    for (const name of migrationsThrough(NAME)) await run(migrator, name, "verify");
    expect(after).not.toEqual(before);

    await run(migrator, NAME, "rollback");
    await run(migrator, NAME, "rollback");
    expect(await dumpCatalog(migrator)).toEqual(before);
    const { message } = await rejection(run(migrator, NAME, "verify"));
    expect(message).toContain("SQL007 007_vault_and_erasure does not hold (problems: 6).");
  });

  it.each([
    ["revoke delete on public.users from authenticated", "DELETE"],
    ["grant execute on function public.users_after to authenticated", "of authenticated"],
    ["alter function public.users_after security invoker", "language sql, stable, search_path"],
    ["alter function public.users_after reset search_path", 'as its owner migrator"'],
    ["drop policy users_delete_own on public.users", "users_delete_own is missing"],
    ["alter policy users_delete_own on public.users using (true)", "users_delete_own"],
    ["alter policy users_delete_own on public.users to anon", "to anon"],
  ])("notices: %s", async (sql, named) => {
    await run(migrator, NAME, "forward");
    await migrator.query(sql);
    expect((await rejection(run(migrator, NAME, "verify"))).message).toContain(named);
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
  });
});

describe("a user who deletes their account", () => {
  let database: TestDatabase;
  let superuser: Client;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    await applyThrough(await database.connect("migrator"), NAME);
    await superuser.query(ROWS);
  });
  afterAll(() => database.drop());

  it("takes their own rows along, and nobody else's", async () => {
    const count = async () =>
      (
        await superuser.query<{ user_id: string; rows: string }>(
          `select user_id, count(*) as rows from (
             select id as user_id from public.users union all
             select user_id from public.sessions union all
             select user_id from public.user_api_keys union all
             select user_id from public.user_progress union all
             select user_id from public.export_history
           ) r group by 1 order by 1`,
        )
      ).rows;
    const [first, ...others] = await count();
    const app = await database.connect("app");
    await app.query("begin; set local role authenticated");
    await app.query("select set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ sub: first?.user_id }),
    ]);
    expect((await app.query("delete from public.users")).rowCount).toBe(1);
    await app.query("commit");
    expect(Number(first?.rows)).toBeGreaterThan(4);
    expect(others.length).toBeGreaterThan(0);
    expect(await count()).toEqual(others);
  });

  it("shows the back office the ids of users, and nothing else of them", async () => {
    const app = await database.connect("app");
    await app.query("begin; set local role service_role; savepoint s");
    const all = "select * from public.users_after('00000000-0000-0000-0000-000000000000')";
    const { rows } = await app.query<{ users_after: string }>(all);
    expect(rows.length).toBeGreaterThan(1);
    const rest = await app.query("select * from public.users_after($1, 1)", [rows[0]?.users_after]);
    expect(rest.rows).toEqual([rows[1]]);
    for (const [columns, table] of [
      ["id", "users"],
      ["user_id", "user_api_keys"],
    ]) {
      const { message } = await rejection(app.query(`select ${columns} from public.${table}`));
      expect(message).toBe(`permission denied for table ${table}`);
      await app.query("rollback to savepoint s");
    }
  });
});
