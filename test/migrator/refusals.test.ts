import { readFileSync } from "node:fs";
import path from "node:path";
import { refusalsOf } from "../../migrator/src/files/refusals";
import { inspectFile } from "../../migrator/src/files/trio";

/** The places at which a file is refused, and the first words of why. */
async function placesIn(sql: string): Promise<string[]> {
  const refusals = await refusalsOf({ file: "a.sql", sql });
  return refusals.map(
    ({ line, column, message }) => `${line}:${column} ${message.split(/[ ,.]/, 3).join(" ")}`,
  );
}

function check(sql: string): Promise<string> {
  return inspectFile({ file: "sql/002_test.sql", sql }).then(() => "fits", String);
}

describe("what is in the way of running a file", () => {
  it("is listed as a whole, in the order of the lines", async () => {
    expect(
      await check(`begin;
\\set ON_ERROR_STOP on
create table countries (code text primary key);
copy public.countries (code) from stdin;
it's; a
\\.
commit;
selct 1;
`),
    ).toBe(`MigratorError: MIG002 6 places cannot be run as a migration:
  sql/002_test.sql:1:1: "begin" controls the transaction. The migrator runs a whole file in a transaction of its own; remove the statement.
  sql/002_test.sql:2:1: \\set is a command of psql, which the migrator is not. Remove the line, or write what it does as SQL.
  sql/002_test.sql:3:14: countries is named without its schema, and the migrator runs every file with an empty search path. Write the schema before the name, such as public.countries.
  sql/002_test.sql:4:1: \`copy … from stdin\` reads rows that follow it in the file, and the migrator sends statements alone. Write the rows as \`insert into public.countries (code) values (…), (…);\`; \`pg_dump --rows-per-insert=1000\` writes them so.
  sql/002_test.sql:7:1: "commit" controls the transaction. The migrator runs a whole file in a transaction of its own; remove the statement.
  sql/002_test.sql:8:1: syntax error at or near "selct".
Is it a dump? \`npx migrator baseline --from-database\` writes the migration of a database as it is.`);
  });

  it("is one sentence where there is one place", async () => {
    expect(await check("select 1;\n  commit;\n")).toBe(
      'MigratorError: MIG002 sql/002_test.sql:2:3: "commit" controls the transaction. The migrator runs a ' +
        "whole file in a transaction of its own; remove the statement.",
    );
    expect(await check("selct 1;")).toMatch(/^SqlSyntaxError: POL001 sql\/002_test\.sql:1:1: /);
  });

  it.each([
    ["with rows", "a\tb\n\\.\n"],
    ["with none", "\\.\n"],
    ["with rows that are no SQL", "/* $$ 'x\n\\.\n"],
    ["with rows that are SQL", "select 1;\n\\.\n"],
    ["with rows and no end", "kg|Kyrgyzstan\n"],
    ["at the end of the file", ""],
  ])("names `copy … from stdin` %s at its own line", async (_, rows) => {
    const sql = `select 1;\ncopy public.a from stdin with (delimiter '|');\n${rows}`;
    expect(await placesIn(sql)).toEqual(["2:1 `copy … from"]);
  });

  it("is found in what pg_dump 17.6 wrote", async () => {
    const dump = readFileSync(path.join(__dirname, "dump-fixture.sql"), "utf8");
    expect(await placesIn(dump)).toEqual([
      "5:1 \\restrict is a",
      "45:1 it gives what",
      "60:1 it gives what",
      "70:1 `copy … from",
      "93:1 \\unrestrict is a",
    ]);
  });

  it("is no owner that a file that is no dump names", async () => {
    const sql = "alter table public.a owner to other; alter function public.f() owner to other;";
    expect(await placesIn(sql)).toEqual([]);
    expect(await placesIn(`\\echo\n${sql}`)).toEqual([
      "1:1 \\echo is a",
      "2:1 it gives what",
      "2:38 it gives what",
    ]);
  });

  it("leaves a file of the server alone, and rows that the server gives", async () => {
    const sql =
      "copy public.a from '/srv/a.csv'; copy public.a from program 'cat'; copy public.a to stdout;";
    expect(await placesIn(sql)).toEqual([]);
  });

  it("does not take what stands in a body, a string or a comment for psql's", async () => {
    const lines = "\n\\d\ncopy public.a from stdin;\n1\n\\.\n";
    const sql = `do $$ begin raise notice '${lines}'; end $$; select '${lines}'; /* ${lines} */ -- \\d`;
    expect(await placesIn(sql)).toEqual([]);
    // Another error after it is that error, and no more.
    expect(await placesIn(`${sql}\nselct 1;`)).toEqual(["17:1 syntax error at"]);
  });

  it.each([
    "create table notes (id integer)",
    "create table public.a (id integer references notes)",
    "create table public.a (like notes)",
    "create table public.a () inherits (notes)",
    "alter table notes enable row level security",
    "create index on notes (id)",
    "create policy own on notes using (true)",
    "create trigger t before insert on notes execute function public.f()",
    "grant select on notes to authenticated",
    "revoke all on public.a, notes from public",
    "insert into notes values (1)",
    "update notes set id = 1",
    "delete from notes",
    "truncate notes",
    "create view notes as select 1",
    "create materialized view notes as select 1",
    "create sequence notes",
    "alter sequence notes owned by none",
    "create type notes as (id integer)",
    "create type notes as enum ('a')",
    "create type notes as range (subtype = integer)",
    "create domain notes as text",
    "create function notes() returns integer language sql return 1",
    "create procedure notes() language sql as ''",
    "create aggregate notes (integer) (sfunc = public.f, stype = integer)",
    "create statistics public.s on a, b from notes",
    "comment on table public.a is ''; lock table notes",
  ])("refuses a name without its schema: %s", async (statement) => {
    expect(await placesIn(statement)).toEqual([expect.stringMatching(/^1:\d+ notes is named/)]);
    const qualified = statement.replaceAll("notes", "public.notes");
    expect(await placesIn(qualified)).toEqual([]);
  });

  it("names each once, where it stands first, after letters of several bytes too", async () => {
    const sql = `select 'ééé'; create table "Notes" (id integer);\nalter table "Notes" add b integer;`;
    const [refusal, ...others] = await refusalsOf({ file: "a.sql", sql });
    expect(others).toEqual([]);
    expect(refusal).toMatchObject({ line: 1, column: sql.indexOf('"Notes"') + 1 });
    expect(refusal?.message).toMatch(/^"Notes" is named .* such as public\."Notes"\.$/);
  });

  it.each([
    "create temporary table notes (id integer); insert into notes values (1); drop table notes",
    "select 1 as id into temporary notes; update notes set id = 2",
    "with notes as (select 1 as id) insert into public.a select id from notes",
    "with notes as (delete from public.b returning id) update public.a set id = notes.id from notes",
    "create schema other create table notes (id integer)",
    "create view public.a as with notes as (select 1) select * from notes",
    "alter table public.a add constraint notes check (true)",
    "lock table pg_class",
  ])("lets a name pass that needs none: %s", async (statement) => {
    expect(await placesIn(statement)).toEqual([]);
  });

  it("is nothing that the search path finds, which no file sets itself", async () => {
    const file = { file: "a.sql", sql: "create table notes (id integer);" };
    expect(await refusalsOf(file, ["public"])).toEqual([]);
    const body = "create function public.f() returns integer set search_path = public return 1";
    for (const first of ["set local search_path = public", body]) {
      expect(await placesIn(`${first}; ${file.sql}`)).toEqual([
        expect.stringMatching(/^1:\d+ notes is named/),
      ]);
    }
  });
});
