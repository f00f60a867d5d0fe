import type { Client } from "pg";
import { splitStatements } from "@app-data/rules";
import { refuseSilentWrites } from "../../migrator/src/run/batch";
import { inTransaction } from "../../migrator/src/database/transaction";
import { type TestDatabase, createDatabase } from "../support/database";
import { createCheckpoints, runFile } from "./batch-fixture";

let database: TestDatabase;
let migrator: Client;
let superuser: Client;

beforeEach(async () => {
  database = await createDatabase();
  migrator = await database.connect("migrator");
  superuser = await database.connect("postgres");
  for (const table of ["hidden", "notes"]) {
    await migrator.query(`create table public.${table} (id bigint primary key, n integer)`);
    await migrator.query(`insert into public.${table} select n, 0 from generate_series(1, 1000) n`);
    await migrator.query(`alter table public.${table} enable row level security`);
    await migrator.query(`alter table public.${table} force row level security`);
  }
  await migrator.query(
    "create policy own on public.notes to migrator using (id <= 500) with check (true)",
  );
  await migrator.query("create table public.copy (id bigint, n integer)");
});
afterEach(() => database.drop());

/** Runs statements as a migration does; the error's text, or how many rows the last one wrote. */
async function outcome(sql: string): Promise<string | number | null> {
  const file = { file: "sql/002_test.sql", sql };
  try {
    return await inTransaction(migrator, async () => {
      let rowCount: number | null = null;
      for (const statement of await splitStatements(sql, file.file)) {
        await refuseSilentWrites(migrator, statement, file);
        ({ rowCount } = await migrator.query(statement.text));
      }
      return rowCount;
    });
  } catch (error) {
    return String(error);
  }
}

const refusal = (commands: string[], table = "public.hidden", reason = "no policy lets it") =>
  "MigratorError: MIG063 sql/002_test.sql:1:1: row level security binds role migrator, and would " +
  "silently hide the rows that the statement needs: " +
  `${commands.map((command) => `${table} for ${command} (${reason})`).join(", ")}. Write a policy ` +
  `before it, as narrow as the work: ${commands.map((command) => policy(table, command)).join(" ")} ` +
  "Or, outside batches, lift FORCE around it in the same transaction: alter table … no force row level " +
  "security; the statement; alter table … force row level security;";

const policy = (table: string, command: string) =>
  `create policy … on ${table} for ${command} to migrator using (…)` +
  `${command === "update" ? " with check (…)" : ""};`;

describe("a write under forced row level security", () => {
  it("acceptance 4: would write nothing and report success, were it not refused", async () => {
    const update = "update public.hidden set n = 1";
    expect((await migrator.query(update)).rowCount).toBe(0);
    expect((await superuser.query("select from public.hidden")).rowCount).toBe(1_000);
    expect(await outcome(update)).toBe(refusal(["update"]));
  });

  it("is refused by row_security = off even where a policy allows it, which is why that is not used", async () => {
    await migrator.query("set row_security = off");
    await expect(migrator.query("update public.notes set n = 1")).rejects.toMatchObject({
      code: "42501",
    });
    await migrator.query("set row_security = on");
    expect(await outcome("update public.notes set n = 1")).toBe(500);
  });

  it.each([
    ["update public.hidden set n = 1 where id = 1", "select, update"],
    ["delete from public.hidden", "delete"],
    ["insert into public.copy select * from public.hidden", "select"],
    [
      "insert into public.copy select n.* from public.notes n where exists (select from public.hidden h where h.id = n.id)",
      "select",
    ],
    ["update public.notes n set n = h.n from public.hidden h where h.id = n.id", "select"],
    [
      "with gone as (delete from public.hidden returning *) select count(*) from gone",
      "delete, select",
    ],
    [
      "merge into public.hidden h using public.notes n on n.id = h.id when matched then do nothing when not matched then insert values (n.id, 0)",
      "select",
    ],
    ["create table public.other as select * from public.hidden", "select"],
    ["select * into public.other from public.hidden", "select"],
    ["create materialized view public.other as select * from public.hidden", "select"],
  ])("is refused without a policy: %p", async (sql, commands) => {
    expect(await outcome(sql)).toBe(refusal(commands.split(", ")));
  });

  it("is refused through views, and where a materialized view is refreshed", async () => {
    await migrator.query("create view public.plain as select * from public.hidden");
    await migrator.query(
      "create view public.nested with (security_invoker = true) as select p.* from public.plain p",
    );
    await migrator.query(
      "create materialized view public.stored as select count(*) from public.plain",
    );
    for (const sql of [
      "insert into public.copy select * from public.nested",
      "refresh materialized view public.stored",
    ]) {
      expect(await outcome(sql)).toBe(refusal(["select"]));
    }
    expect(await outcome("update public.nested set n = 1")).toBe(refusal(["select", "update"]));
  });

  it.each([
    ["update public.notes set n = 1", 500],
    ["delete from public.notes where id > 400", 100],
    ["insert into public.copy select * from public.notes", 500],
    ["insert into public.hidden select * from public.copy", 0],
    ["with hidden as (select 1 as id) insert into public.copy select id from hidden", 1],
    ["select * from public.hidden", 0],
    ["create table public.other (id integer)", null],
  ])("goes on where a policy lets it, or where nothing is written: %p", async (sql, rows) => {
    expect(await outcome(sql)).toBe(rows);
  });

  it("goes on where FORCE is lifted around it, and where the role has another's rights", async () => {
    expect(
      await outcome(`alter table public.hidden no force row level security;
        update public.hidden set n = 1 where id <= 10; `),
    ).toBe(10);
    await migrator.query("alter table public.hidden force row level security");
    await superuser.query("create role editors; grant editors to migrator with inherit true");
    await migrator.query("create policy editors on public.hidden to editors using (id <= 20)");
    expect(await outcome("update public.hidden set n = 2 where id > 0")).toBe(20);
    await superuser.query("drop policy editors on public.hidden; drop role editors");
  });

  it("is refused where the policies ask who is signed in", async () => {
    await migrator.query(`create schema auth;
      create function auth.uid() returns bigint stable language sql set search_path = ''
        as $$ select nullif(pg_catalog.current_setting('request.user', true), '')::bigint $$;
      create policy own on public.hidden using ((select auth.uid()) = id)`);
    expect(await outcome("delete from public.hidden")).toBe(
      refusal(
        ["delete"],
        "public.hidden",
        "the policies for everyone (own) show a signed-in user's rows alone",
      ),
    );
    // One that asks the row alone shows it to everyone, the migrator among them.
    await migrator.query("create policy fresh on public.hidden using (n = 0)");
    expect(await outcome("delete from public.hidden where id <= 7")).toBe(7);

    await migrator.query(
      "create policy floor on public.notes as restrictive using ((select auth.uid()) = id)",
    );
    expect(await outcome("delete from public.notes")).toBe(
      refusal(
        ["delete"],
        "public.notes",
        "its restrictive policy floor lets through a signed-in user's rows alone",
      ),
    );
  });
});

describe("batches under forced row level security", () => {
  const sql = (table: string, driver = table) => `-- batch: table public.${driver}, key id, size 100
update public.${table} t set n = 1 where true /* batch: t.id */`;

  it("acceptance 4: fail loudly where no policy shows the rows, and write nothing", async () => {
    await createCheckpoints(migrator);
    await expect(runFile(migrator, sql("hidden"))).rejects.toThrow(
      /^MIG063 sql\/002_test\.sql:1: .*public\.hidden for select \(no policy lets it\)/,
    );
    await expect(runFile(migrator, sql("notes", "hidden"))).rejects.toThrow(
      /^MIG063 .* public\.hidden/,
    );
    const { rowCount } = await superuser.query("select from public.checkpoints");
    expect(rowCount).toBe(0);
  });

  it("write the rows that a policy shows", async () => {
    await createCheckpoints(migrator);
    await expect(runFile(migrator, sql("notes"))).resolves.toMatchObject({ rows: 500 });
    const { rows } = await superuser.query(
      "select count(*)::integer as left from public.notes where n = 0",
    );
    expect(rows).toEqual([{ left: 500 }]);
  });
});
