import { applyPending } from "../../migrator/src";
import { withConnection } from "../../migrator/src/database/connection";
import { readPlan } from "../../migrator/src/plan";
import { redo } from "../../migrator/src/run/redo";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

let fixture: MigratorFixture;
beforeAll(async () => {
  fixture = await createFixture();
  await applyPending(fixture.settings, [protectedTable("000", "notes")]);
});
afterAll(() => fixture.database.drop());

const NOTES = protectedTable("000", "notes");
const plan = (forward: string, others = {}) =>
  withConnection(fixture.settings, (client) =>
    readPlan(client, [NOTES, trio("001", forward, others)]),
  );

describe("SQL of a newer PostgreSQL than the database's", () => {
  it.each([
    [
      "alter table public.notes add column b text generated always as (note) virtual;",
      "virtual",
      73,
    ],
    ["alter table public.notes add constraint c not null note not valid;", "not", 43],
    ["update public.notes set note = '' returning with (old as o) o.note;", "with", 45],
  ])("is refused by the plan: %s", async (sql, word, column) => {
    await expect(plan(`select 1;\n\n${sql}\n`)).rejects.toThrow(
      new RegExp(
        `^MIG005 sql/001_test\\.sql:3:${column}: syntax error at or near "${word}" \\(SQLSTATE 42601\\)\\.\n` +
          "[^]*\\^\nPostgreSQL 17\\.\\d+, on which this database runs, does not know this syntax\\. Nothing was run\\.",
      ),
    );
  });

  it("is found in the rollback and the verify file, too", async () => {
    const sql =
      "comment on table public.notes is 'é';\nalter table public.notes add constraint c not null note not valid;";
    await expect(plan("select 1;", { rollback: sql })).rejects.toThrow(
      /^MIG005 sql\/001_test_rollback\.sql:2:43: /,
    );
    await expect(plan("select 1;", { verify: sql })).rejects.toThrow(
      /^MIG005 sql\/001_test_verify\.sql:2:43: /,
    );
  });

  it("is refused before anything is done again", async () => {
    const newer = "alter table public.notes add constraint c not null note not valid;";
    const again = redo(fixture.settings, [{ ...NOTES, forward: { ...NOTES.forward, sql: newer } }]);
    await expect(again).rejects.toThrow(/^MIG005 .* does not know this syntax/s);
    const superuser = await fixture.database.connect("postgres");
    const { rows } = await superuser.query("select to_regclass('public.notes')::text as name");
    expect(rows).toEqual([{ name: "notes" }]);
  });
});

describe("SQL that the database's PostgreSQL knows", () => {
  it.each([
    "select id into temporary table found from public.notes;",
    "declare c cursor for select 1; fetch c; close c;",
    "(select 1); table public.notes; values (1);",
    "create table public.pages (id integer); insert into public.pages values (1) returning id; -- the end",
    "do $reading$ begin perform 1; end $reading$;",
    "select public.nothing(), 'it''s', $$;$$ from public.nowhere;",
    "create index concurrently i on public.notes (note);",
    "prepare p as select 1; execute p; deallocate p;",
  ])("is planned: %s", async (sql) => {
    expect((await plan(sql)).migrations).toHaveLength(1);
  });
});
