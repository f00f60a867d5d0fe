import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { applyPending, readTrios, rollbackTo } from "../../migrator/src";
import { importMigrations } from "../../migrator/src/adopt/import";
import type { Tool } from "../../migrator/src/adopt/import-sources";
import { baseline } from "../../migrator/src/run/repair";
import {
  type MigratorFixture,
  createFixture,
  protectedTable,
  writeTrios,
} from "./migration-fixture";

const PROTECT = (table: string) =>
  `alter table ${table} enable row level security;\nalter table ${table} force row level security;\n`;
const CREATE = `create table notes (id serial primary key, body text not null);\n${PROTECT("notes")}`;
const CHANGE = "alter table notes add column at date;\ncreate index notes_at on notes (at);\n";
const UNDO_CHANGE = "alter table notes drop column at;\n";

let source: string;
let directory: string;
let fixture: MigratorFixture;
beforeEach(async () => {
  source = mkdtempSync(path.join(tmpdir(), "source-"));
  directory = path.join(mkdtempSync(path.join(tmpdir(), "imported-")), "sql");
  fixture = await createFixture();
});
afterEach(async () => {
  rmSync(source, { recursive: true });
  rmSync(path.dirname(directory), { recursive: true });
  await fixture.database.drop();
});

function write(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    const place = path.join(source, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text);
  }
}

function run(tool: Tool) {
  return importMigrations(fixture.settings, tool, source, directory);
}

const FOLDERS: [Tool, Record<string, string>, string[], string[]][] = [
  [
    "flyway",
    {
      "V1__Create_Notes.sql": CREATE,
      "V1.10__Change.sql": CHANGE,
      "U1.10__Change.sql": UNDO_CHANGE,
      "V1_9__Nothing.sql": "select 1;\n",
      "R__Heads.sql":
        "create or replace view heads with (security_invoker = true) as select id from notes;\n",
      "afterMigrate.sql": "select 1;\n",
    },
    ["000_create_notes", "001_nothing", "002_change", "003_heads"],
    [
      "afterMigrate.sql is no versioned migration, and is left out.",
      "R__Heads.sql is repeatable: it is imported once, after the others; write its next change as a migration.",
    ],
  ],
  [
    "supabase",
    {
      "migrations/20260101120000_create_notes.sql": CREATE,
      "migrations/20260301120000_change.sql": CHANGE,
    },
    ["20260101120000_create_notes", "20260301120000_change"],
    [],
  ],
  [
    "sqitch",
    {
      "sqitch.plan":
        "%syntax-version=1.0.0\n%project=notes\n\ncreate_notes 2026-01-01T12:00:00Z A <a@example.org> # make them\n" +
        "@v1 2026-01-02T12:00:00Z A <a@example.org>\nchange [create_notes] 2026-01-03T12:00:00Z A <a@example.org>\n",
      "deploy/create_notes.sql": `BEGIN;\n${CREATE}COMMIT;\n`,
      "revert/create_notes.sql": "BEGIN;\ndrop table notes;\nCOMMIT;\n",
      "verify/create_notes.sql": "BEGIN;\nselect id from notes where false;\nROLLBACK;\n",
      "deploy/change.sql": `BEGIN;\n${CHANGE}COMMIT;\n`,
      "revert/change.sql": `BEGIN;\n${UNDO_CHANGE}COMMIT;\n`,
    },
    ["000_create_notes", "001_change"],
    ["verify/create_notes.sql is left out: the verify file is generated."],
  ],
  [
    "node-pg-migrate",
    {
      "1700000000000_create-notes.sql": `-- Up Migration\n${CREATE}-- Down Migration\ndrop table notes;\n`,
      "1700000000001_change.sql": CHANGE,
    },
    ["000_create_notes", "001_change"],
    [],
  ],
];

describe("import", () => {
  it.each(FOLDERS)(
    "makes trios of a folder of %s that apply, verify and undo",
    async (...folder) => {
      const [tool, files, names, notes] = folder;
      write(files);
      const { notMade } = await run(tool);
      expect(notMade).toEqual(notes);
      const trios = readTrios(directory);
      expect(trios.map(({ name }) => name)).toEqual(names);
      const last = await applyPending(fixture.settings, trios);
      expect(last.map(({ name }) => name)).toEqual(names);
      const undone = trios.findLastIndex(({ noRollback }) => noRollback !== undefined);
      await rollbackTo(fixture.settings, trios[undone]?.version);
    },
  );

  it.each(FOLDERS)(
    "makes trios of a folder of %s for the database that has them",
    async (...folder) => {
      const [tool, files, names] = folder;
      write(files);
      await run(tool);
      const trios = readTrios(directory);
      const migrator = await fixture.database.connect("migrator");
      await migrator.query("set search_path = public");
      for (const { forward } of trios) await migrator.query(forward.sql);
      const recorded = await baseline(fixture.settings, trios, { reason: "imported" });
      expect(recorded.map(({ name }) => name)).toEqual(names);
    },
  );

  it("writes the schema before names, wherever the server would look for one", async () => {
    write({
      "V1__all.sql": `create type mood as enum ('a'); create domain slug as text;
        create table notes (id integer primary key, feeling mood, tags slug[], parent integer references notes);
        create function touch() returns trigger language plpgsql set search_path = '' as $$ begin return new; end $$;
        create function moods(m mood) returns setof notes language sql stable set search_path = ''
          as 'select * from public.notes where feeling = m';
        create trigger touch before update on notes for each row execute function touch();
        create view v with (security_invoker = true) as
          with own as (select * from notes) select own.id, 'a'::mood as m from own join notes n on n.id = own.id;
        comment on table notes is 'notes'; comment on column notes.id is 'id'; alter type mood add value 'b';
        revoke all on function moods(mood), touch() from public;
        create temporary table t (id integer); insert into t values (1); insert into notes (id) select id from t;
        create policy own on notes for select to authenticated using (exists (select from moods('a') m where m.id = notes.id));
        alter table notes enable row level security, force row level security;`,
      "V2__drop.sql":
        "drop trigger touch on notes; drop function touch(); drop view v; drop policy own on notes;",
    });
    const { notMade } = await run("flyway");
    expect(notMade).toEqual([]);
    const sql = readFileSync(path.join(directory, "000_all.sql"), "utf8");
    expect(sql).toContain(
      "comment on column public.notes.id is 'id'; alter type public.mood add value",
    );
    expect(sql).toContain(
      "insert into t values (1); insert into public.notes (id) select id from t;",
    );
  });

  it("goes on where the folder ends, on a database that holds what is in it", async () => {
    const own = [{ ...protectedTable("000", "own"), name: "000_own" }];
    mkdirSync(directory);
    writeTrios(directory, own);
    write({ "V1__create_notes.sql": CREATE });
    await expect(run("flyway")).rejects.toThrow(
      `MIG023 ${source} cannot be imported, and nothing was written:\n  the database does not hold the ` +
        "migrations of the folder (000_own): bring it up first.",
    );
    await applyPending(fixture.settings, readTrios(directory));
    await run("flyway");
    expect(readTrios(directory).map(({ name }) => name)).toEqual(["000_own", "001_create_notes"]);
  });

  it("leaves out, and tells, what holds no statement: `up` would refuse it", async () => {
    write({
      "V1__Create_Notes.sql": CREATE,
      "V2__Later.sql": "-- later\n",
      "V3__Nothing.sql": "begin;\ncommit;\n",
      "V4__Change.sql": CHANGE,
    });
    const { notMade } = await run("flyway");
    expect(notMade).toEqual([
      "V2__Later.sql holds no statement, and is left out.",
      "V3__Nothing.sql holds no statement, and is left out.",
    ]);
    const trios = readTrios(directory);
    expect(trios.map(({ name }) => name)).toEqual(["000_create_notes", "001_change"]);
    await expect(applyPending(fixture.settings, trios)).resolves.toHaveLength(2);
  });

  it("lists all that is in the way, and writes nothing", async () => {
    write({
      "V1__a.sql": "\\set x 1\ncreate table a (id integer);\ncopy a from stdin;\n1\n\\.\n",
      "V2__b.sql": "select missing.f();\n",
    });
    await expect(run("flyway")).rejects.toThrow(
      /nothing was written:\n {2}V1__a\.sql:1:1: \\set is a command of psql.*\n {2}V1__a\.sql:3:1: `copy … from stdin`/,
    );
    write({ "V1__a.sql": "create table ${schema}.a (id integer);", "V3__c.sql": "select 1;" });
    await expect(run("flyway")).rejects.toThrow(
      "V1__a.sql: ${schema} is a placeholder: write its value.",
    );
    write({ "V1__a.sql": "select 1;" });
    await expect(run("flyway")).rejects.toThrow('V2__b.sql: schema "missing" does not exist.');
    write({ "1_a.js": "exports.up = () => undefined;" });
    await expect(run("node-pg-migrate")).rejects.toThrow("1_a.js is a program: put the SQL that");
    await expect(run("sqitch")).rejects.toThrow(
      "holds no migration of sqitch: they are in sqitch.plan",
    );
    expect(() => readdirSync(directory)).toThrow("ENOENT");
  });

  it("tells what `up` will refuse, and which undo leaves something", async () => {
    write({
      "V1__open.sql": "create table open (id integer);\n",
      "U1__open.sql": "select 1;\n",
    });
    const { notMade } = await run("flyway");
    expect(notMade[0]).toBe("V1__open.sql: its undo leaves another table public.open.");
    expect(notMade[1]).toMatch(/^`up` refuses it: POL101 table public\.open /);
  });
});
