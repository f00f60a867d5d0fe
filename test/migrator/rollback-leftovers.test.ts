import type { Client } from "pg";
import {
  amendMigration,
  applyMigration,
  applyPending,
  readHistory,
  rollbackTo,
} from "../../migrator/src";
import { acceptDrift, baseline } from "../../migrator/src/run/repair";
import {
  type MigratorFixture,
  createFixture,
  projectTrios,
  protectedTable,
  trio,
} from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

const NOTES = protectedTable("000", "notes");
const COMMENTS_ALONE = "-- drop table public.notes;\n";
const undo = () => rollbackTo(fixture.settings, undefined);
const events = async () => (await readHistory(fixture.settings)).map(({ event }) => event);

async function apply(forward: string, rollback: string): Promise<void> {
  await applyPending(fixture.settings, [NOTES, trio("001", forward, { rollback })]);
}

describe("a rollback that leaves what its migration made", () => {
  it("is refused for the first migration of a database, whose file holds comments alone", async () => {
    await applyMigration(
      fixture.settings,
      trio("000", NOTES.forward.sql, { rollback: COMMENTS_ALONE }),
    );
    await expect(undo()).rejects.toThrow(
      /^MIG090 000_test_rollback\.sql \(as applied\) leaves what the migration made: table public\.notes\. /,
    );
    expect(await events()).toEqual(["apply"]);
  });

  it.each([
    ["a table", protectedTable("001", "topics").forward.sql, "", "table public.topics"],
    [
      "a column",
      "alter table public.notes add column topic text;",
      "",
      "column public.notes.topic",
    ],
    [
      "an index",
      "create index notes_note on public.notes (note);",
      "select 1;",
      "index public.notes_note",
    ],
    [
      "a policy beside what is dropped",
      "alter table public.notes add column topic text; create policy p on public.notes to migrator using (true);",
      "alter table public.notes drop column topic;",
      "policy public.notes.p",
    ],
    ["a type", "create type public.mood as enum ('sad');", "", "type public.mood"],
    ["a schema", "create schema extra;", "", "schema extra"],
    [
      "a function",
      "create function public.f() returns integer language sql set search_path = '' as 'select 1'; revoke all on function public.f() from public;",
      "",
      "function public.f()",
    ],
  ])("is refused, and names it: %s", async (_what, forward, rollback, left) => {
    await apply(forward, rollback);
    await expect(undo()).rejects.toThrow(
      `leaves what the migration made: ${left}. Its transaction was undone.`,
    );
    expect(await events()).toEqual(["apply", "apply"]);
  });

  it("goes on with a new rollback file, once that is recorded", async () => {
    const topics = protectedTable("001", "topics");
    await apply(topics.forward.sql, "");
    await expect(undo()).rejects.toThrow(/^MIG090/);
    await amendMigration(fixture.settings, topics);
    await expect(undo()).resolves.toEqual(["001_test", "000_test"]);
  });

  it("goes on where its file says what stays", async () => {
    await apply(
      "create schema extra; create type extra.mood as enum ('sad');",
      "-- kept: schema extra, type extra.mood\n",
    );
    await expect(undo()).resolves.toEqual(["001_test", "000_test"]);
  });

  it("is refused for one that was cut off between its steps", async () => {
    const half = trio(
      "001",
      "create schema extra; create index concurrently i on public.notes (note); select 1 / 0;",
      {
        rollback: "drop index concurrently if exists public.i;",
      },
    );
    await expect(applyPending(fixture.settings, [NOTES, half])).rejects.toThrow(/^MIG005/);
    await expect(undo()).rejects.toThrow(/^MIG090 .*: schema extra\. /);
    await superuser.query("drop schema extra");
    await expect(undo()).resolves.toEqual(["001_test", "000_test"]);
  });
});

describe("a rollback that leaves what its migration did not make", () => {
  it("goes on: tables that were there before the first migration", async () => {
    const [existing, tables] = projectTrios();
    const migrator = await fixture.database.connect("migrator");
    await migrator.query(existing.forward.sql);
    await superuser.query("comment on table public.users is 'Ours.'");
    await superuser.query("comment on table public.sessions is 'Ours.'");
    await superuser.query("comment on schema auth is 'Ours.'");
    await superuser.query("comment on function auth.uid() is 'Ours.'");
    await applyPending(fixture.settings, [existing, tables]);
    await expect(undo()).resolves.toHaveLength(2);
    const { rows } = await superuser.query("select to_regclass('public.users')::text as found");
    expect(rows).toEqual([{ found: "users" }]);
  });

  it("goes on: what a baseline found", async () => {
    const migrator = await fixture.database.connect("migrator");
    await migrator.query(NOTES.forward.sql);
    const found = trio("000", NOTES.forward.sql, { rollback: COMMENTS_ALONE });
    await baseline(fixture.settings, [found], { reason: "it was there" });
    await expect(undo()).resolves.toEqual(["000_test"]);
  });

  it("goes on: a column that somebody added to a table that it changed", async () => {
    await apply(
      "alter table public.notes add column topic text;",
      "alter table public.notes drop column topic;",
    );
    await superuser.query("alter table public.notes add column by_hand text");
    await acceptDrift(fixture.settings, { reason: "it is needed" });
    await expect(rollbackTo(fixture.settings, "000")).resolves.toEqual(["001_test"]);
  });

  it("goes on: everything of the project's own migrations", async () => {
    await applyPending(fixture.settings, projectTrios());
    await expect(undo()).resolves.toHaveLength(2);
  });
});

describe("a migration whose header says that it cannot be undone", () => {
  const final = trio("001", "-- no-rollback: the plain texts are gone\nselect 1;\n");

  it("is not rolled back, nor is what comes after it, and the reason is given", async () => {
    await applyPending(fixture.settings, [NOTES, final, protectedTable("002", "topics")]);
    await expect(undo()).rejects.toThrow(
      /^MIG091 001_test cannot be undone, as its header says \(no-rollback\): the plain texts are gone\. Nothing was rolled back\./,
    );
    expect(await events()).toEqual(["apply", "apply", "apply"]);
    await expect(rollbackTo(fixture.settings, "001")).resolves.toEqual(["002_test"]);
  });
});

describe("a rollback after which a table is gone that its migration did not make", () => {
  const GONE =
    /^MIG090 After 001_test_rollback\.sql \(as applied\) something is gone that was there before the migration: table public\.notes\. /;

  it.each([
    ["drops it", "select 1;", "drop table public.notes;"],
    ["drops its new name", "alter table public.notes rename to memos;", "drop table public.memos;"],
    ["does not bring it back", "drop table public.notes;", "select 1;"],
  ])("is refused where it %s", async (_how, forward, rollback) => {
    await apply(forward, rollback);
    await expect(rollbackTo(fixture.settings, "000")).rejects.toThrow(GONE);
    expect(await events()).toEqual(["apply", "apply"]);
  });

  it("goes on where the file says so", async () => {
    await apply("drop table public.notes;", "-- dropped: table public.notes\nselect 1;");
    expect(await rollbackTo(fixture.settings, "000")).toEqual(["001_test"]);
  });
});
