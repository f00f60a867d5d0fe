import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import {
  ATTEMPTS_AROUND,
  type Attempts,
  FUNCTION_ATTEMPTS,
  IDENTITIES,
  type Identity,
  ROWS,
  ROW_OF_NOBODY,
  TABLES,
  VIEWS,
  attemptsOnTable,
  attemptsOnView,
  become,
  columnsOf,
  grid,
  outcomesOf,
} from "./access-attempts";
import { AROUND, COLUMNS, FUNCTIONS, ON_TABLES, ON_VIEWS } from "./access-matrix";
import { applyThrough } from "./sql-files";

const { superuser: CONTROL, ...JUDGED } = IDENTITIES;

describe("who can do what to whose rows", () => {
  let database: TestDatabase;
  let superuser: Client;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    await applyThrough(await database.connect("migrator"), "007_vault_and_erasure");
    await superuser.query(ROWS);
    await superuser.query("begin; savepoint start");
  });
  afterAll(() => database.drop());

  async function matrix(attempts: (identity: Identity) => Attempts): Promise<string> {
    const columns: Record<string, [string, string][]> = {};
    for (const [who, identity] of Object.entries(JUDGED)) {
      columns[who] = await outcomesOf(superuser, identity, attempts(identity));
    }
    return grid(columns);
  }

  /** What the superuser cannot do either: then an attempt says nothing about rights. */
  async function impossible(attempts: Attempts): Promise<string[]> {
    const outcomes = CONTROL ? await outcomesOf(superuser, CONTROL, attempts) : [];
    return outcomes
      .filter(([label, outcome]) => !/^\++$/.test(outcome) && label !== "probe by key")
      .map(([label, outcome]) => `${label}: ${outcome}`);
  }

  it("is asked as roles that row level security binds", async () => {
    for (const identity of Object.values(JUDGED)) {
      await superuser.query(`rollback to savepoint start; ${become(identity)}`);
      const { rows } = await superuser.query(
        "select session_user as login, current_user as role, rolsuper or rolbypassrls as unbound " +
          "from pg_roles where rolname = current_user",
      );
      const { login, role = login } = identity;
      expect(rows).toEqual([{ login, role, unbound: false }]);
    }
  });

  it("has every table, view and function of the migrations", async () => {
    await superuser.query("rollback to savepoint start");
    const names = async (sql: string) =>
      (await superuser.query<{ name: string }>(sql)).rows.map(({ name }) => name);
    const schemas = "in ('public', 'auth', 'monitoring')";
    const relations = (kinds: string) =>
      names(`select relnamespace::regnamespace || '.' || relname as name from pg_class
        where relnamespace::regnamespace::text ${schemas} and relkind in (${kinds}) order by 1`);
    expect(await relations("'r', 'p', 'f', 'S'")).toEqual(
      [ROW_OF_NOBODY, ...Object.keys(TABLES)].sort(),
    );
    expect(await relations("'v', 'm'")).toEqual(Object.keys(VIEWS).sort());
    expect(FUNCTION_ATTEMPTS.map(([call]) => call.replace(/\(.*/, "")).sort()).toEqual(
      await names(`select pronamespace::regnamespace || '.' || proname as name from pg_proc
        where pronamespace::regnamespace::text ${schemas} order by 1`),
    );
  });

  it.each(Object.keys(TABLES))("holds for %s", async (name) => {
    expect(`\n${await matrix((identity) => attemptsOnTable(name, identity))}`).toBe(
      ON_TABLES[name],
    );
    expect(await impossible(attemptsOnTable(name, { login: "postgres" }))).toEqual([]);
  });

  it.each(Object.keys(TABLES))("holds for the columns of %s", async (name) => {
    const lines: string[] = [];
    for (const who of ["A", "service", "monitor", "anon", "app", "master"]) {
      const identity = IDENTITIES[who] ?? { login: who };
      lines.push(...(await columnsOf(superuser, name, identity)).map((line) => `${who}: ${line}`));
    }
    expect(lines).toEqual(COLUMNS[name]);
    expect(await columnsOf(superuser, name, { login: "postgres" })).toEqual([
      "select all",
      "insert all",
      "update all",
    ]);
  });

  it("holds for views, however they are read", async () => {
    const reads = (at: number) => (identity: Identity) =>
      Object.keys(VIEWS).flatMap((name) => attemptsOnView(name, identity).slice(at, at + 1));
    for (const way of [0, 1, 2, 3]) expect(`\n${await matrix(reads(way))}`).toBe(ON_VIEWS);
    const all = Object.keys(VIEWS).flatMap((name) => attemptsOnView(name, { login: "postgres" }));
    expect(await impossible(all)).toEqual([]);
  });

  it.each(Object.keys(VIEWS))("nobody writes through %s", async (name) => {
    await superuser.query("rollback to savepoint start");
    // Not even the superuser.
    await expect(superuser.query(`delete from ${name}`)).rejects.toMatchObject({
      message: expect.stringMatching(/^cannot (delete from|change materialized) view/),
    });
  });

  it("holds for functions", async () => {
    expect(`\n${await matrix(() => FUNCTION_ATTEMPTS)}`).toBe(FUNCTIONS);
    const triggers = /^public\.(update_|check_export|queue_export_object)/;
    expect(await impossible(FUNCTION_ATTEMPTS.filter(([call]) => !triggers.test(call)))).toEqual(
      [],
    );
  });

  it("holds for ways around the tables", async () => {
    expect(`\n${await matrix(() => ATTEMPTS_AROUND)}`).toBe(AROUND);
    expect(await impossible(ATTEMPTS_AROUND)).toEqual([]);
  });
});
