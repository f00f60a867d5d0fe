import { splitStatements } from "@app-data/rules";
import type { Client } from "pg";
import { isTransactional } from "../../migrator/src/sql/transactional";
import { statementEffects } from "../../migrator/src/sql/effects/effects";
import { type TestDatabase, createDatabase } from "../support/database";

async function effectsOf(sql: string) {
  const [statement, ...others] = await splitStatements(sql, "sample.sql");
  if (!statement || others.length > 0) throw new Error(`One statement is expected: ${sql}`);
  return statementEffects(statement);
}

const AS_POLICY = ["blocks reads", "blocks writes", "changes access"];

describe("statementEffects", () => {
  it.each([
    ["drop table a.t", ["deletes data", "blocks reads", "blocks writes"]],
    ["alter table a.t drop column c", ["deletes data", "blocks reads", "blocks writes"]],
    ["truncate a.t", ["deletes data", "blocks reads", "blocks writes"]],
    ["delete from a.t where id = 1", ["deletes data"]],
    ["with x as (delete from a.t returning *) select * from x", ["deletes data"]],
    ["merge into a.t using a.u on true when matched then delete", ["deletes data"]],
    ["merge into a.t using a.u on true when matched then do nothing", []],
    ["drop schema a cascade", ["deletes data", "blocks reads", "blocks writes"]],
    ["update a.t set x = null", ["deletes data"]],
    ["drop schema a", []],
    ["drop view a.v", ["blocks reads", "blocks writes"]],
    ["update a.t set c = 1", []],
    ["create index on a.t (c)", ["blocks writes", "builds index"]],
    ["create index concurrently i on a.t (c)", ["builds index"]],
    ["reindex table a.t", ["blocks reads", "blocks writes", "builds index"]],
    ["reindex (concurrently) table a.t", ["builds index"]],
    ["alter table a.t add unique (c)", ["blocks reads", "blocks writes", "builds index"]],
    ["alter table a.t add unique using index i", ["blocks reads", "blocks writes"]],
    ["alter table a.t add foreign key (c) references a.u not valid", ["blocks writes"]],
    ["alter table a.t validate constraint c", []],
    ["vacuum full a.t", ["rewrites table", "blocks reads", "blocks writes", "builds index"]],
    ["grant select on a.t to app", ["changes access"]],
    [
      "alter table a.t enable row level security",
      ["blocks reads", "blocks writes", "changes access"],
    ],
    ["create role r", ["changes access"]],
    [
      "create function a.f() returns int language sql security definer as 'select 1'",
      ["changes access"],
    ],
    ["create function a.f() returns int language sql as 'select 1'", []],
    ["comment on table a.t is 'x'", []],
    // Nobody can tell from these whether they delete.
    ["select a.purge()", ["may delete data"]],
    ["call a.purge()", ["may delete data"]],
    ["execute prepared", ["may delete data"]],
    ["insert into a.t select a.purge()", ["may delete data"]],
    ["create materialized view a.m as select a.purge()", ["may delete data"]],
    ["create extension citext", ["may delete data"]],
    ["do $$ begin perform a.purge(); end $$", ["may delete data"]],
    ["do $$ begin execute format('delete from %I.%I', 'a', now()); end $$", ["may delete data"]],
    ["do $$ begin execute format('delete from %I.%I', 'a', 't'); end $$", ["deletes data"]],
    ["do language plperl $$ spi_exec_query(q) $$", ["may delete data"]],
    ["do $$ begin execute 'delete from a.t'; end $$", ["deletes data"]],
    ["do $$ begin raise notice 'x'; end $$", []],
    ["create view a.v as select a.purge()", []],
    ["create policy p on a.t using (a.purge())", AS_POLICY],
  ])("tells the hazards of: %s", async (sql, hazards) => {
    const found = await effectsOf(sql);
    expect({ hazards: found.hazards, unclear: found.unclear.length > 0 }).toEqual({
      hazards,
      unclear: sql.includes("cascade") || hazards.includes("may delete data"),
    });
  });

  it.each([
    ["select public.fill()", "what public.fill() does cannot be told from the text"],
    ["call public.fill(1)", "what public.fill() does cannot be told from the text"],
    [
      "insert into a.t select public.f(x) from a.u",
      "what public.f() does cannot be told from the text",
    ],
    [
      "do $$ begin perform public.fill(); end $$",
      "what public.fill() does cannot be told from the text",
    ],
    [
      "do $$ begin execute format('drop table %I', now()); end $$",
      "what `execute` runs is put together only when it runs (format('…', now()))",
    ],
    ["drop type a.mood cascade", "what else `cascade` drops cannot be told from the text"],
    ["drop extension citext", "what belongs to an extension cannot be told from the text"],
    [
      "create extension citext",
      "what the extension's own script does cannot be told from the text",
    ],
    ["execute prepared", "what the prepared statement prepared does"],
    ["reindex schema a", "which tables of schema a it locks, each SHARE"],
    ["vacuum", "every table of the database is locked, each SHARE UPDATE EXCLUSIVE"],
    [
      "alter table a.t add column c a.positive",
      "whether a.positive is a domain with a constraint, which rewrites the table",
    ],
    [
      "alter table a.t add column c int default a.f()",
      "whether a.f() is volatile; only then the table is rewritten",
    ],
  ])("says what the text cannot tell: %s", async (sql, unclear) => {
    expect((await effectsOf(sql)).unclear).toEqual([unclear]);
  });

  it("calls no function of PostgreSQL's own unknown", async () => {
    const { unclear } = await effectsOf(
      "select now(), pg_catalog.lower('X'), set_config('a.b', 'c', true)",
    );
    expect(unclear).toEqual([]);
  });

  it("reads a block: every statement in it, whether or not it runs", async () => {
    const found = await effectsOf(`do $$
declare n bigint;
begin
  select count(*) into n from a.t;
  if n = 0 then
    drop table a.t;
    create table a.u (id integer);
  end if;
  execute 'truncate a.w';
end $$`);
    expect(found.locks).toEqual([
      { relation: "a.t", mode: "ACCESS EXCLUSIVE" },
      expect.objectContaining({ relation: "a.t", through: { what: "referenced tables" } }),
      expect.objectContaining({ relation: "a.t", through: { what: "partitioned table" } }),
      { relation: "a.w", mode: "ACCESS EXCLUSIVE" },
    ]);
    expect(found).toMatchObject({
      creates: [],
      mayCreate: ["a.u"],
      losses: [
        { relation: "a.t", column: null },
        { relation: "a.w", column: null },
      ],
      notes: ["some of its statements run only on a condition"],
      unclear: [],
      summary: "do $$…$$",
    });
  });

  it("shows no string of a statement, since one may be a password", async () => {
    const found = await effectsOf("create role r\n  login password 'canary' -- canary\n");
    expect(found.summary).toBe("create role r login password '…'");
    expect(JSON.stringify(found)).not.toContain("canary");
    const query = await effectsOf("do $body$ begin execute 'canary' || canary(); end $body$");
    expect(JSON.stringify(query)).not.toContain("'canary'");
  });

  it("quotes names that need it", async () => {
    const { locks } = await effectsOf('lock table "Odd schema"."say ""hi""" in share mode');
    expect(locks).toEqual([{ relation: '"Odd schema"."say ""hi"""', mode: "SHARE" }]);
  });
});

describe("on a real server", () => {
  let database: TestDatabase;
  let superuser: Client;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    await superuser.query(`
      create schema a;
      create type a.mood as enum ('well');
      create table a.t (id integer primary key, name varchar(20), amount numeric(8, 2), at timestamptz);
      create index t_name on a.t (name);
      create table a.m (id integer) partition by list (id);
      create table a.m_1 partition of a.m for values in (1);
      create materialized view a.v as select 1 as n;
      create table a.plain (id integer);
      insert into a.t values (1, 'x', 1, now());`);
  });
  afterAll(() => database.drop());

  it.each([
    "create index concurrently i on a.t (amount)",
    "drop index concurrently a.t_name",
    "reindex table concurrently a.t",
    "reindex (concurrently) index a.t_name",
    "reindex schema a",
    `reindex database current`,
    "vacuum a.t",
    "vacuum (analyze, full) a.t",
    "cluster",
    "alter table a.m detach partition a.m_1 concurrently",
    "alter system set work_mem = '4MB'",
    "create database d",
    "drop database d",
    "create tablespace s location '/nowhere'",
    "drop tablespace s",
    "discard all",
    "create subscription s connection 'host=nowhere' publication p",
  ])("does not let this into a transaction, and isTransactional knows: %s", async (sql) => {
    const statement = sql.replace("database current", `database ${database.name}`);
    const [{ tree } = { tree: { SelectStmt: {} } }] = await splitStatements(
      statement,
      "sample.sql",
    );
    expect(isTransactional(tree)).toBe(false);
    await superuser.query("begin");
    const refused = superuser.query(statement);
    // active_sql_transaction
    await expect(refused).rejects.toMatchObject({ code: "25001" });
    await superuser.query("rollback");
  });

  it.each([
    "create index i on a.t (amount)",
    "drop index a.t_name",
    "reindex table a.t",
    "reindex index a.t_name",
    "reindex (concurrently false) table a.t",
    "analyze a.t",
    "cluster a.t using t_name",
    "alter table a.m detach partition a.m_1",
    "refresh materialized view a.v",
    "alter type a.mood rename value 'well' to 'fine'",
    "discard plans",
    "create subscription s connection 'host=nowhere' publication p with (connect = false)",
  ])("lets this into a transaction, and isTransactional knows: %s", async (sql) => {
    const [{ tree } = { tree: { SelectStmt: {} } }] = await splitStatements(sql, "sample.sql");
    expect(isTransactional(tree)).toBe(true);
    await superuser.query("begin");
    try {
      await superuser.query(sql);
    } finally {
      await superuser.query("rollback");
    }
  });

  it("takes a new enum value for its own transaction, which could not use it", async () => {
    const sql = "alter type a.mood add value 'ill'";
    const [{ tree } = { tree: { SelectStmt: {} } }] = await splitStatements(sql, "sample.sql");
    expect(isTransactional(tree)).toBe(false);
    await superuser.query(`begin; ${sql}`);
    await expect(superuser.query("select 'ill'::a.mood")).rejects.toMatchObject({ code: "55P04" });
    await superuser.query("rollback");
  });

  it.each([
    "alter table a.t add column c integer",
    "alter table a.t add column c integer default 5",
    "alter table a.t add column c timestamptz default now()",
    "alter table a.t add column c uuid default gen_random_uuid()",
    "alter table a.t add column c double precision default random()",
    "alter table a.t add column c serial",
    "alter table a.t add column c integer generated always as identity",
    "alter table a.t add column c integer generated always as (id + 1) stored",
    "alter table a.t drop column amount",
    "alter table a.t alter column id type bigint",
    "alter table a.t alter column name set not null",
    "alter table a.t set unlogged",
    "alter table a.t set (fillfactor = 70)",
    "alter table a.t add constraint c check (id > 0)",
    "cluster a.t using t_name",
    "refresh materialized view a.v",
    "truncate a.plain",
    "create index i on a.t (amount)",
  ])("rewrites a table when it says so, and only then: %s", async (sql) => {
    const { hazards } = await effectsOf(sql);
    const files = async () => {
      const { rows } = await superuser.query(
        `select relname, relfilenode from pg_class where relkind in ('r', 'm')
            and relnamespace = 'a'::regnamespace and relname <> 'plain' order by relname`,
      );
      return rows;
    };
    await superuser.query("begin");
    try {
      const before = await files();
      await superuser.query(sql);
      const isSame = JSON.stringify(await files()) === JSON.stringify(before);
      expect(hazards.includes("rewrites table")).toBe(!isSame);
    } finally {
      await superuser.query("rollback");
    }
  });

  it.each([
    ["create index concurrently i on a.plain (id)", "SHARE UPDATE EXCLUSIVE"],
    ["drop index concurrently a.t_name", "SHARE UPDATE EXCLUSIVE"],
    ["reindex index concurrently a.t_name", "SHARE UPDATE EXCLUSIVE"],
    ["reindex table concurrently a.t", "SHARE UPDATE EXCLUSIVE"],
    ["alter table a.m detach partition a.m_1 concurrently", "SHARE UPDATE EXCLUSIVE"],
    ["vacuum a.plain", "SHARE UPDATE EXCLUSIVE"],
    ["vacuum full a.plain", "ACCESS EXCLUSIVE"],
  ])("asks first for the lock that it says, outside a transaction: %s", async (sql, mode) => {
    const { locks } = await effectsOf(sql);
    const holder = await database.connect("postgres");
    const worker = await database.connect("postgres");
    await holder.query("begin; lock table a.t, a.m, a.plain in share update exclusive mode");
    const { rows } = await worker.query<{ pid: number }>("select pg_backend_pid() as pid");
    const work = worker.query(sql).catch((error: unknown) => error);
    let asked: { mode: string }[] = [];
    while (asked.length === 0) {
      ({ rows: asked } = await superuser.query<{ mode: string }>(
        "select mode from pg_locks where locktype = 'relation' and not granted and pid = $1",
        [rows[0]?.pid],
      ));
    }
    await superuser.query("select pg_cancel_backend($1)", [rows[0]?.pid]);
    await work;
    await holder.query("rollback");
    const words = asked[0]?.mode.replace("Lock", "").replace(/(?<=[a-z])(?=[A-Z])/g, " ");
    expect(words?.toUpperCase()).toBe(mode);
    expect(locks.map((lock) => lock.mode)).toContain(mode);
  });
});
