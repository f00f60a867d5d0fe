import { readFileSync } from "node:fs";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { dumpCatalog } from "./catalog-dump";
import { applyAll, rejection, run, sqlFile } from "./sql-files";

const HINT =
  "Export the rows and delete them, or accept the loss: set app_data.allow_data_loss to on and " +
  "run the rollback again.";

describe("rollback", () => {
  let database: TestDatabase;
  let migrator: Client;
  let superuser: Client;

  beforeEach(async () => {
    database = await createDatabase();
    migrator = await database.connect("migrator");
    superuser = await database.connect("postgres");
    await applyAll(migrator);
    await superuser.query("insert into public.users (email) values ('a@x'), ('b@x'), ('c@x')");
    await superuser.query("insert into public.user_progress (user_id) select id from public.users");
  });
  afterEach(() => database.drop());

  const fill = `
    insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id)
      select id, 'x', 'k' from public.users;
    insert into public.export_history (user_id, export_type, format)
      select id, 'full', 'csv' from public.users where email <> 'a@x';
    update public.user_progress set preferences = '{"a":1}'
      where user_id = (select id from public.users where email = 'a@x')`;

  it("of 001 refuses while rows would be lost, with counts, and changes nothing", async () => {
    await superuser.query(fill);
    // Forced row level security hides these rows from the role that counts them.
    const hidden = await migrator.query("select count(*)::int as n from public.user_api_keys");
    expect(hidden.rows).toEqual([{ n: 0 }]);
    const before = await dumpCatalog(migrator);
    const { message, hint, code } = await rejection(
      run(migrator, "001_add_missing_tables", "rollback"),
    );
    expect({ message, hint, code }).toEqual({
      message:
        "SQL005 rolling back 001_add_missing_tables would lose rows (public.user_api_keys: 3, " +
        "public.user_progress with preferences or achievements: 1, public.export_history: 2).",
      hint: HINT,
      code: "55000",
    });
    expect(await dumpCatalog(migrator)).toEqual(before);
  });

  it("of 001 refuses by hand, too, where each statement is a transaction of its own", async () => {
    await superuser.query("update public.user_progress set achievements = '{\"a\":1}'");
    const before = await dumpCatalog(migrator);
    const sql = readFileSync(sqlFile("001_add_missing_tables", "rollback"), "utf8");
    await expect(migrator.query(sql)).rejects.toThrow(
      "SQL005 rolling back 001_add_missing_tables would lose rows (public.user_progress with " +
        "preferences or achievements: 3).",
    );
    expect(await dumpCatalog(migrator)).toEqual(before);
    await run(migrator, "001_add_missing_tables", "verify");
  });

  it.each(["off", "true", "ON "])("of 001 refuses when the setting is %p", async (value) => {
    await superuser.query(fill);
    await migrator.query("select set_config('app_data.allow_data_loss', $1, false)", [value]);
    await expect(run(migrator, "001_add_missing_tables", "rollback")).rejects.toThrow("SQL005");
  });

  it("of 001 goes through when the loss is accepted", async () => {
    await superuser.query(fill);
    await migrator.query("set app_data.allow_data_loss = on");
    await run(migrator, "001_add_missing_tables", "rollback");
    const { rows } = await superuser.query(
      "select to_regclass('public.user_api_keys') as keys, (select count(*)::int from users) as users",
    );
    expect(rows).toEqual([{ keys: null, users: 3 }]);
  });

  it("of 001 does not count counters: they come back at the next completion", async () => {
    const user = (await superuser.query("select id from public.users limit 1")).rows[0].id;
    await superuser.query(
      `insert into public.sessions (user_id, started_at) select $1, now() - interval '1 h'
        from generate_series(1, 2)`,
      [user],
    );
    const complete =
      "update public.sessions set ended_at = now() where id = " +
      "(select id from public.sessions where ended_at is null order by id limit 1)";
    const total = "select total_sessions from public.user_progress where user_id = $1";
    await database.asUser(user, (client) => client.query(complete), { commit: true });
    expect((await superuser.query(total, [user])).rows).toEqual([{ total_sessions: "1" }]);

    await run(migrator, "001_add_missing_tables", "rollback");
    await run(migrator, "001_add_missing_tables", "forward");
    expect((await superuser.query(total, [user])).rows).toEqual([{ total_sessions: "0" }]);
    await database.asUser(user, (client) => client.query(complete), { commit: true });
    expect((await superuser.query(total, [user])).rows).toEqual([{ total_sessions: "2" }]);
  });

  it("of 001 does not drop what somebody else has built upon it", async () => {
    await migrator.query("create view public.report as select user_id from public.user_progress");
    const { code, message } = await rejection(run(migrator, "001_add_missing_tables", "rollback"));
    expect({ code, message }).toEqual({
      code: "2BP01",
      message: "cannot drop table public.user_progress because other objects depend on it".replace(
        "public.",
        "",
      ),
    });
    await migrator.query("drop view public.report");
    await run(migrator, "001_add_missing_tables", "verify");
  });

  it("of 000 refuses while 001 is there, and while rows would be lost", async () => {
    expect(await rejection(run(migrator, "000_existing_schema", "rollback"))).toMatchObject({
      message: "SQL004 000_existing_schema cannot be rolled back before 001_add_missing_tables.",
      hint: "Run 001_add_missing_tables_rollback.sql first.",
    });
    await superuser.query(
      "insert into public.sessions (user_id, started_at) select id, now() from public.users limit 2",
    );
    await run(migrator, "001_add_missing_tables", "rollback");
    const before = await dumpCatalog(migrator);
    expect(await rejection(run(migrator, "000_existing_schema", "rollback"))).toMatchObject({
      message:
        "SQL005 rolling back 000_existing_schema would lose rows (public.sessions: 2, " +
        "public.users: 3).",
      hint: HINT,
    });
    expect(await dumpCatalog(migrator)).toEqual(before);

    await migrator.query("set app_data.allow_data_loss = on");
    await run(migrator, "000_existing_schema", "rollback");
    expect((await superuser.query("select to_regclass('public.users') as t")).rows).toEqual([
      { t: null },
    ]);
  });
});
