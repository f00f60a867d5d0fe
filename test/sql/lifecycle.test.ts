import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { dumpCatalog } from "./catalog-dump";
import { applyAll, rejection, run, runStatements } from "./sql-files";

describe("000 and 001, forward, again and back", () => {
  let database: TestDatabase;
  let migrator: Client;

  beforeEach(async () => {
    database = await createDatabase();
    migrator = await database.connect("migrator");
  });
  afterEach(() => database.drop());

  it("changes nothing when it runs again, and verify passes", async () => {
    await applyAll(migrator);
    const first = await dumpCatalog(migrator);
    await applyAll(migrator);
    expect(await dumpCatalog(migrator)).toEqual(first);
    expect(first.filter((line) => line.startsWith("policy"))).toHaveLength(20);
  });

  it("leaves 000 as it was when 001 is rolled back, once or twice, and 001 comes back equal", async () => {
    await run(migrator, "000_existing_schema", "forward");
    const before = await dumpCatalog(migrator);
    await run(migrator, "001_add_missing_tables", "forward");
    const after = await dumpCatalog(migrator);
    expect(after).not.toEqual(before);

    await run(migrator, "001_add_missing_tables", "rollback");
    expect(await dumpCatalog(migrator)).toEqual(before);
    await run(migrator, "001_add_missing_tables", "rollback");
    expect(await dumpCatalog(migrator)).toEqual(before);
    await run(migrator, "000_existing_schema", "verify");

    await run(migrator, "001_add_missing_tables", "forward");
    await run(migrator, "001_add_missing_tables", "verify");
    expect(await dumpCatalog(migrator)).toEqual(after);
  });

  it("leaves an empty database when 000 is rolled back, once or twice", async () => {
    const empty = await dumpCatalog(migrator);
    await applyAll(migrator);
    const full = await dumpCatalog(migrator);
    await run(migrator, "001_add_missing_tables", "rollback");
    await run(migrator, "000_existing_schema", "rollback");
    await run(migrator, "000_existing_schema", "rollback");
    // What was taken from PUBLIC is not given back.
    const publicUsage = (line: string) => !line.includes("acl schema public: =U/");
    expect(await dumpCatalog(migrator)).toEqual(empty.filter(publicUsage));
    expect(empty.filter(publicUsage)).toHaveLength(empty.length - 1);

    await applyAll(migrator);
    expect(await dumpCatalog(migrator)).toEqual(full);
  });

  it("fails verification before it is applied and after it is rolled back", async () => {
    const first = "SQL007 001_add_missing_tables does not hold (problems: 126).";
    await run(migrator, "000_existing_schema", "forward");
    for (const step of ["verify", "rollback", "verify"] as const) {
      if (step === "rollback") {
        await run(migrator, "001_add_missing_tables", "forward");
        await run(migrator, "001_add_missing_tables", "rollback");
      } else {
        const { message } = await rejection(run(migrator, "001_add_missing_tables", "verify"));
        expect(message.split("\n")[0]).toBe(first);
      }
    }
  });

  it("gives every user that has none a progress row, and nobody two", async () => {
    await run(migrator, "000_existing_schema", "forward");
    const superuser = await database.connect("postgres");
    await superuser.query(
      "insert into public.users (email) select format('%s@example.org', n) from generate_series(1, 50) n",
    );
    await run(migrator, "001_add_missing_tables", "forward");
    await superuser.query("insert into public.users (email) values ('later@example.org')");
    await run(migrator, "001_add_missing_tables", "verify");
    await run(migrator, "001_add_missing_tables", "forward");
    await run(migrator, "001_add_missing_tables", "verify");
    const { rows } = await superuser.query(
      "select count(*)::int as rows, count(distinct user_id)::int as users from public.user_progress",
    );
    expect(rows).toEqual([{ rows: 51, users: 51 }]);
  });

  it("writes nothing in a verify step: it passes in a read only transaction", async () => {
    await applyAll(migrator);
    await migrator.query("set default_transaction_read_only = on");
    await run(migrator, "000_existing_schema", "verify");
    await run(migrator, "001_add_missing_tables", "verify");
    await expect(run(migrator, "001_add_missing_tables", "forward")).rejects.toMatchObject({
      code: "25006",
    });
  });

  it("restores with 001 what was changed by hand", async () => {
    await applyAll(migrator);
    const good = await dumpCatalog(migrator);
    await migrator.query(`
      alter policy user_api_keys_select_own on public.user_api_keys using (true);
      drop policy export_history_service on public.export_history;
      alter table public.user_progress no force row level security;
      alter table public.export_history disable row level security;
      grant truncate, select on public.user_api_keys to anon, public;
      grant update (total_sessions) on public.user_progress to authenticated;
      alter table public.sessions disable trigger trigger_update_user_progress_from_session;
      drop index public.idx_export_history_status;
      grant execute on function public.update_user_progress_from_session() to public;
      alter function public.update_user_progress_from_session() reset search_path`);
    await rejection(run(migrator, "001_add_missing_tables", "verify"));
    await run(migrator, "001_add_missing_tables", "forward");
    await run(migrator, "001_add_missing_tables", "verify");
    expect(await dumpCatalog(migrator)).toEqual(good);
  });

  it("cannot run with row_security off, which hides nothing but refuses what policies allow", async () => {
    await run(migrator, "000_existing_schema", "forward");
    await (
      await database.connect("postgres")
    ).query("insert into public.users (email) values ('a')");
    await migrator.query("set row_security = off");
    expect(await rejection(run(migrator, "001_add_missing_tables", "forward"))).toMatchObject({
      code: "42501",
      message: 'query would be affected by row-level security policy for table "users"',
    });
  });

  it("says what a run needs: the migrator, the earlier migration", async () => {
    const superuser = await database.connect("postgres");
    expect(await rejection(run(superuser, "000_existing_schema", "forward"))).toMatchObject({
      message: "SQL002 000_existing_schema was run by postgres, and must be run by migrator.",
      hint: "Whoever creates a table owns it. Connect as migrator and run the file again.",
    });
    expect(await rejection(run(superuser, "001_add_missing_tables", "forward"))).toMatchObject({
      message: "SQL002 001_add_missing_tables was run by postgres, and must be run by migrator.",
    });
    expect(await rejection(run(migrator, "001_add_missing_tables", "forward"))).toMatchObject({
      message: "SQL006 001_add_missing_tables needs public.users, public.sessions and auth.uid().",
      hint: "Apply 000_existing_schema.sql and run 000_existing_schema_verify.sql first.",
    });
  });

  it.each(["000_existing_schema", "001_add_missing_tables"] as const)(
    "says which roles %s misses",
    async (migration) => {
      const superuser = await database.connect("postgres");
      await superuser.query("begin");
      // Under another name for the length of a transaction that no other test can see.
      await superuser.query("alter role service_role rename to service_role_hidden");
      await superuser.query("alter role anon rename to anon_hidden");
      await superuser.query("set local role migrator");
      const refusal = rejection(runStatements(superuser, migration, "forward"));
      const { message, hint, code } = await refusal;
      await superuser.query("rollback");
      expect({ message, hint, code }).toEqual({
        message: `SQL001 ${migration} needs roles that do not exist: anon, service_role.`,
        hint: "Create the roles first; the stack does that before it runs migrations.",
        code: "42704",
      });
    },
  );
});
