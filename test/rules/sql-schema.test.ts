import { readFileSync } from "node:fs";
import { judgeSchema, readSqlSchema, rowSecurityRule } from "../../rules/src";
import { MIGRATIONS, sqlFile } from "../support/project-migrations";
import { safe, unsafe } from "./row-security-cases";

const read = (sql: string) => readSqlSchema([{ file: "sql/007.sql", sql }]);

describe("row level security, read off SQL", () => {
  it.each(safe)("says nothing of: $title", async ({ sql }) => {
    const schema = await read(sql);
    expect(rowSecurityRule.judge(schema)).toEqual([]);
    expect(schema.notProvable).toEqual([]);
  });

  it.each(unsafe)("refuses: $title", async ({ sql, unsafe: expected }) => {
    const findings = rowSecurityRule.judge(await read(sql));
    expect(findings.map(({ object, line }) => `${object}:${line}`)).toEqual(expected);
    expect(new Set(findings.map(({ file, code }) => `${file} ${code}`))).toEqual(
      new Set(["sql/007.sql POL101"]),
    );
  });

  it("says what is missing and what to write", async () => {
    const sql = `create table "Bills" ();
      create table s.half (); alter table s.half enable row level security;
      create table s.other (); alter table s.other force row level security;
      create foreign table s.far () server x;
      create table s.part partition of older default;`;
    const findings = rowSecurityRule.judge(await read(sql));
    expect(findings.map(({ message, remediation }) => [message, remediation])).toEqual([
      [
        'table public."Bills" has row level security neither enabled nor forced; every table must have it enabled and forced',
        'Write `alter table public."Bills" enable row level security, force row level security;` in the same migration.',
      ],
      [
        "table s.half has row level security enabled but not forced, so its owner reads every row; every table must have it enabled and forced",
        "Write `alter table s.half force row level security;` in the same migration.",
      ],
      [
        "table s.other has row level security forced but not enabled, so it is off; every table must have it enabled and forced",
        "Write `alter table s.other enable row level security;` in the same migration.",
      ],
      [
        "foreign table s.far can not have row level security; every table must have it enabled and forced",
        "Copy the rows that are needed into a table of its own, with row level security.",
      ],
      [
        "partition s.part has row level security neither enabled nor forced; every table must have it enabled and forced",
        "Write `alter table s.part enable row level security, force row level security;` in the same migration.",
      ],
    ]);
  });

  it("applies the files in their order", async () => {
    const first = { file: "1.sql", sql: "create table a (); create table b ();" };
    const second = {
      file: "2.sql",
      sql: "alter table a enable row level security, force row level security; drop table b;",
    };
    const inOrder = await readSqlSchema([first, second]);
    expect(rowSecurityRule.judge(inOrder)).toEqual([]);
    const backwards = rowSecurityRule.judge(await readSqlSchema([second, first]));
    expect(backwards.map(({ object, file }) => [object, file])).toEqual([
      ["public.a", "1.sql"],
      ["public.b", "1.sql"],
    ]);
  });

  it("names what it can not prove", async () => {
    const schema = await read(`create extension pgcrypto;
create extension postgis;
import foreign schema far from server s into near;
do $$ declare r record; begin
  execute format('create table %I ()',
    now());
  for r in execute 'sel' || chr(101) loop null; end loop;
end $$;
do language plperl 'spi_exec_query()';
create function s.f() returns void language plpgsql as $$ declare r public.users%rowtype; begin
  r.id := 1; create table a (); end $$;
do $$ begin set search_path = 'app'; if now() is null then set search_path = 'b'; end if; create table c (); end $$;
do $$ begin execute 'creat table'; commit; rollback; end $$;`);
    expect(schema.notProvable).toEqual([
      remark(
        2,
        "extension postgis",
        "what tables an extension makes is not in the SQL of the migration",
      ),
      remark(
        3,
        "schema near",
        "`import foreign schema` makes tables that only the remote server knows",
      ),
      remark(
        5,
        "do block",
        "`execute format('create table %I ()', now())` runs SQL that is put together only then",
      ),
      remark(7, "do block", "`execute 'sel' || chr(101)` runs SQL that is put together only then"),
      remark(9, "do block", "its language, plperl, is not one that is read here"),
      remark(
        10,
        "function s.f",
        'its body could not be read without the database ("r.id" is not a known variable)',
      ),
      remark(
        12,
        "?.c",
        "the name is not qualified and search_path was set in a way that can not be read",
      ),
      remark(
        13,
        "do block",
        'it holds a statement that can not be read (syntax error at or near "creat")',
      ),
      remark(13, "do block", "it rolls back a part of its own work"),
    ]);
  });

  it("says which temporary tables it left out", async () => {
    const { ignored, tables } = await read("create temp table a ();");
    expect(tables).toEqual([]);
    expect(ignored).toEqual([
      remark(1, "pg_temp.a", "a temporary table is seen by the session alone that made it"),
    ]);
  });

  it("knows what kind of table it is", async () => {
    const { tables } = await read(`create table a (i int) partition by list (i);
      create table b partition of a default partition by list (i);
      create table c partition of b default; create table d () inherits (e);
      create table f (); alter table b attach partition f for values in (1);
      create table g (); alter table g inherit d;`);
    expect(tables.map(({ name, kind }) => `${name}: ${kind}`)).toEqual([
      "a: partitioned table",
      "b: partitioned table",
      "c: partition",
      "d: inheritance child",
      "f: partition",
      "g: inheritance child",
    ]);
  });

  it("cannot read what PostgreSQL can not read", async () => {
    await expect(read("select 1;\ncreate tabel a ();")).rejects.toMatchObject({
      name: "SqlSyntaxError",
      code: "POL001",
      message:
        'POL001 sql/007.sql:2:8: syntax error at or near "tabel". ' +
        "PostgreSQL's parser has to accept the whole file; correct the statement at this place.",
    });
  });

  it("says nothing of the project's own migrations", async () => {
    for (const migration of MIGRATIONS) {
      const file = sqlFile(migration, "forward");
      const schema = await readSqlSchema([{ file, sql: readFileSync(file, "utf8") }]);
      expect({
        file,
        findings: rowSecurityRule.judge(schema),
        notProvable: schema.notProvable,
      }).toEqual({
        file,
        findings: [],
        notProvable: [],
      });
    }
  });

  it("judges a hundred migrations in less than a second", async () => {
    const files = Array.from({ length: 100 }, (_, n) => ({ file: `${n}.sql`, sql: migration(n) }));
    // The processor's time, and the best of three: the machine may be busy with something else.
    const durations: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const start = process.cpuUsage();
      expect(judgeSchema(await readSqlSchema(files), "mandatory")).toEqual([]);
      const { user, system } = process.cpuUsage(start);
      durations.push((user + system) / 1000);
    }
    expect(Math.min(...durations)).toBeLessThan(1000);
  });
});

/** A migration of the usual size: three tables, each with policies and a trigger. */
function migration(n: number) {
  const table = (name: string) => `
create table if not exists public.${name} (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade, -- ü
  created_at timestamptz not null default now()
);
create function public.${name}_touch() returns trigger language plpgsql set search_path = '' as $$
begin
  select now() into new.created_at;
  return new;
end $$;
create trigger touch before update on public.${name} for each row execute function public.${name}_touch();
alter table public.${name} enable row level security, force row level security;
do $$ begin
  if not exists (select from pg_policies where policyname = '${name}_own') then
    create policy ${name}_own on public.${name} to authenticated
      using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
  end if;
end $$;
grant select, insert, update, delete on public.${name} to authenticated;`;
  return [`a${n}`, `b${n}`, `c${n}`].map(table).join("\n");
}

function remark(line: number, object: string, reason: string) {
  return { file: "sql/007.sql", line, object, reason };
}
