import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestDatabase, createDatabase } from "../support/database";
import { MIGRATIONS, copyMigrations, sqlFile } from "../support/project-migrations";
import { type Outcome, runCommand } from "./command-line-fixture";

const PROGRAM = path.resolve("migrator/bin/migrator.mjs");
let database: TestDatabase;
let directory: string;

beforeEach(async () => {
  database = await createDatabase();
  directory = mkdtempSync(path.join(tmpdir(), "app-data-sql-"));
  copyMigrations(directory);
});
afterEach(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

/** Runs `npx migrator …` on the test's folder and database, in a process of its own as a person does. */
function runProgram(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, MIGRATOR_URL: database.url("migrator") };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args, "--directory", directory],
      { env },
      (error, out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
      },
    );
  });
}

/** The same without the process: what it would print, and the exit code that it would have. */
function migrator(...args: string[]): Promise<Outcome> {
  return migratorIn(directory, ...args);
}

function migratorIn(folder: string, ...args: string[]): Promise<Outcome> {
  process.env["MIGRATOR_URL"] = database.url("migrator");
  return runCommand(...args, "--directory", folder);
}

/** The answer of a command as a machine reads it. */
async function json(...args: string[]) {
  const { out, code } = await migrator(...args, "--json");
  return { code, data: JSON.parse(out) };
}

const addNotes = (forward: string) => {
  writeFileSync(path.join(directory, "002_notes.sql"), forward);
  writeFileSync(path.join(directory, "002_notes_rollback.sql"), "drop table public.notes;\n");
  writeFileSync(path.join(directory, "002_notes_verify.sql"), "select from public.notes;\n");
};
const NOTES = `create table public.notes (id integer primary key, note text);
alter table public.notes enable row level security;
alter table public.notes force row level security;
`;

describe("npx migrator", () => {
  it("plans, applies what was planned, verifies, shows the status and rolls back", async () => {
    const planned = await runProgram("plan");
    expect(planned.code).toBe(0);
    expect(planned.out).toContain("000_existing_schema");
    const hash = /npx migrator up --plan ([0-9a-f]{64})/.exec(planned.out)?.[1];
    expect(hash).toBe((await json("plan")).data.hash);

    const up = await runProgram("up", "--plan", hash ?? "");
    expect(up).toMatchObject({ code: 0 });
    expect(up.out).toMatch(
      /^000_existing_schema {2}applied in \d+ ms\n001_add_missing_tables {2}applied in \d+ ms\n$/,
    );
    expect(up.err).toContain("000_existing_schema: applying (1 of 2)");
    expect((await runProgram("up")).out).toBe("Nothing to do.\n");

    expect((await runProgram("verify")).out).toBe(
      "000_existing_schema  verified\n001_add_missing_tables  verified\n",
    );
    const { migrations } = (await json("status")).data;
    expect(migrations.map(({ state }: { state: string }) => state)).toEqual(["applied", "applied"]);

    expect((await runProgram("rollback")).out).toBe("001_add_missing_tables  rolled back\n");
    expect((await runProgram("rollback", "--all")).out).toBe("000_existing_schema  rolled back\n");
    expect((await runProgram("rollback", "--all")).out).toBe("Nothing to undo.\n");
  });

  it("refuses a plan that is not the one that was approved, and runs nothing", async () => {
    const { hash } = (await json("plan")).data;
    addNotes(NOTES);
    const { code, data } = await json("up", "--plan", hash);
    expect(code).toBe(1);
    expect(data.error.code).toBe("MIG020");
    expect((await json("status")).data.migrations[0].state).toBe("pending");
  });

  it("finds drift, with exit code 1, and takes it for expected when told to", async () => {
    await migrator("up");
    expect(await migrator("drift")).toMatchObject({
      code: 0,
      out: "The catalog is as the migrations made it.\n",
    });
    const owner = await database.connect("migrator");
    await owner.query("alter table public.users no force row level security");
    const found = await json("drift");
    expect(found.code).toBe(1);
    expect(found.data.drift).toEqual([
      expect.objectContaining({ object: "table public.users", classification: "widened" }),
    ]);
    expect((await migrator("repair", "--accept-drift")).code).toBe(2);
    const unprotected = await migrator("repair", "--accept-drift", "--reason", "for the test");
    expect(unprotected.code).toBe(1);
    expect(unprotected.err).toMatch(/^MIG006 The drift was not accepted: .*public\.users/);

    await owner.query("alter table public.users force row level security");
    await owner.query("create index by_hand on public.users (created_at)");
    expect((await migrator("drift")).code).toBe(1);
    const accepted = await migrator("repair", "--accept-drift", "--reason", "for the test");
    expect(accepted.code).toBe(0);
    expect((await migrator("drift")).code).toBe(0);
  });

  it("goes without encryption where it is told to, whatever the URL says", async () => {
    process.env["MIGRATOR_URL"] = `${database.url("migrator")}?sslmode=verify-full`;
    expect((await runCommand("drift")).err).toMatch(/^MIG003 .*does not support SSL/);
    expect((await runCommand("drift", "--no-tls")).code).toBe(0);
  });

  it("attests what the catalog holds", async () => {
    await migrator("up");
    const { data } = await json("attest");
    expect(data.digest).toMatch(/^[0-9a-f]{64}$/);
    const users = data.schema.tables.find(({ name }: { name: string }) => name === "users");
    expect(users).toMatchObject({ rowSecurity: true, forced: true, owner: "migrator" });
    // Beside what is attested: PostgreSQL's estimates.
    expect(data.rows).toMatchObject({ "public.users": 0, "public.sessions": 0 });
  });

  it("adopts a database that psql has migrated", async () => {
    const owner = await database.connect("migrator");
    for (const name of MIGRATIONS) {
      await owner.query(readFileSync(sqlFile(name, "forward"), "utf8"));
    }
    expect((await json("status")).data.migrations[0].state).toBe("pending");
    const { code, out } = await migrator("baseline", "--reason", "made by hand");
    expect({ code, out }).toEqual({
      code: 0,
      out: "000_existing_schema  adopted\n001_add_missing_tables  adopted\n",
    });
    expect((await migrator("up")).out).toBe("Nothing to do.\n");
    expect((await migrator("drift")).code).toBe(0);
    expect((await migrator("rollback")).out).toBe("001_add_missing_tables  rolled back\n");
  });

  it("does not adopt what does not hold", async () => {
    const { code, err } = await runProgram("baseline", "--reason", "hope");
    expect(code).toBe(1);
    expect(err).toMatch(/^MIG005 .*000_existing_schema_verify\.sql/);
    expect(err).toMatch(
      /\nNothing was written\. The database is not what the migration promises: correct what differs\.\n$/,
    );
  });

  it("accepts an edited file when told to, with a reason in the log", async () => {
    addNotes(NOTES);
    await migrator("up");
    addNotes(NOTES.replace("note text", "note text default 'x'"));
    const refused = await migrator("up");
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^MIG008 002_notes was edited after it was applied/);
    expect(refused.err).toContain(
      "+create table public.notes (id integer primary key, note text default 'x');",
    );

    const repaired = await migrator("repair", "002", "--accept-file", "--reason", "typed by hand");
    expect(repaired).toMatchObject({ code: 0, out: "002_notes  log corrected\n" });
    expect((await migrator("up")).out).toBe("Nothing to do.\n");
    const owner = await database.connect("migrator");
    const { rows } = await owner.query(
      "select event, note from migrations.log order by id desc limit 1",
    );
    expect(rows).toEqual([{ event: "repair", note: "typed by hand" }]);
  });

  it("shows values of rows in a failure only when told to", async () => {
    addNotes(`${NOTES}alter table public.notes no force row level security;
insert into public.notes values (1, concat('alice', '@example.org'));
alter table public.notes alter column note type integer using note::integer;
`);
    const hidden = await migrator("up");
    expect(hidden.code).toBe(1);
    expect(hidden.err).toContain('invalid input syntax for type integer: "…" (SQLSTATE 22P02)');
    expect(hidden.err).not.toContain("alice@example.org");
    const shown = await migrator("up", "--show-values");
    expect(shown.err).toContain(
      'PostgreSQL: invalid input syntax for type integer: "alice@example.org".',
    );
  });

  it("acceptance 10: undoes a migration whose files are gone, and prints the SQL that was applied", async () => {
    addNotes(NOTES);
    await migrator("up");
    for (const part of ["", "_rollback", "_verify"])
      rmSync(path.join(directory, `002_notes${part}.sql`));
    expect((await migrator("up")).err).toMatch(
      /^MIG012 The database is newer than the files: it has 002_notes/,
    );
    expect((await migrator("status", "--sql", "002")).out).toBe(`${NOTES}\n`);
    const elsewhere = path.join(directory, "nowhere");
    expect((await migratorIn(elsewhere, "status", "002", "--sql")).out).toBe(`${NOTES}\n`);
    const stored = await migratorIn(elsewhere, "status", "002", "--sql", "--json");
    expect(JSON.parse(stored.out)).toEqual({
      forward: NOTES,
      rollback: "drop table public.notes;\n",
      verify: "select from public.notes;\n",
    });
    expect((await migrator("rollback", "--to", "001")).out).toBe("002_notes  rolled back\n");
    expect((await migrator("up")).out).toBe("Nothing to do.\n");
  });

  it("shows which files are not those that were applied", async () => {
    addNotes(NOTES);
    await migrator("up");
    const states = async () =>
      (await json("status")).data.migrations.map(({ state }: { state: string }) => state);
    writeFileSync(
      path.join(directory, "002_notes_rollback.sql"),
      "-- All of it.\ndrop table public.notes;\n",
    );
    expect(await states()).toEqual(["applied", "applied", "applied"]);
    writeFileSync(
      path.join(directory, "002_notes_rollback.sql"),
      "drop table if exists public.notes;\n",
    );
    expect((await states())[2]).toBe("applied, rollback file newer than the log's");
    const repaired = await migrator("repair", "002", "--accept-file", "--reason", "a new rollback");
    expect(repaired).toMatchObject({ code: 0 });
    expect((await states())[2]).toBe("applied");
    addNotes(NOTES.replace("note text", "note text default 'x'"));
    expect((await states())[2]).toBe("applied, file EDITED");
    for (const part of ["", "_rollback", "_verify"]) {
      cpSync(
        path.join(directory, `002_notes${part}.sql`),
        path.join(directory, `002_pages${part}.sql`),
      );
      rmSync(path.join(directory, `002_notes${part}.sql`));
    }
    expect((await json("status")).data.migrations[2]).toMatchObject({
      name: "002_pages",
      state: "applied as 002_notes, file RENAMED",
    });
  });

  it("says that there is nothing to undo, to accept or to compare with where nothing was applied", async () => {
    expect(await migrator("rollback")).toMatchObject({ code: 0, out: "Nothing to undo.\n" });
    expect((await migrator("repair", "--accept-drift", "--reason", "x")).err).toBe(
      "MIG018 The log has no migration as applied, so there is no drift to accept.\n",
    );
    expect((await migrator("status", "--sql", "000")).err).toMatch(
      /^MIG018 The log holds no SQL of migration 000: it was never applied to this database\./,
    );
    expect((await json("drift")).data).toEqual({ drift: [], recorded: false });
    expect(await migrator("drift")).toMatchObject({
      code: 0,
      out: "No migration is recorded here, so nothing is expected of the catalog.\n",
    });
  });

  it("refuses a trio that was written and not filled in, and applies it once it is", async () => {
    await migrator("new", "notes");
    const forward = path.join(directory, "002_notes.sql");
    const untouched = await migrator("up");
    expect(untouched.code).toBe(1);
    expect(untouched.err).toContain(
      `MIG025 ${forward} holds no statement, only comments or nothing. Write what the migration is to do, ` +
        "or delete the three files.",
    );
    writeFileSync(forward, NOTES);
    expect((await migrator("up")).err).toContain(
      `MIG025 ${path.join(directory, "002_notes_verify.sql")} holds no statement, only comments or nothing. ` +
        "Write statements that raise where the migration did not do what it was to do, or delete the three files.",
    );
    expect((await json("status")).data.migrations[2].state).toBe("pending");
    addNotes(NOTES);
    expect((await migrator("up")).out).toMatch(/^002_notes {2}applied in \d+ ms\n$/);
  });

  it("writes an empty trio with the next number, and never over a file", async () => {
    const { out } = await migrator("new", "add_notes");
    expect(
      out
        .trim()
        .split("\n")
        .map((file) => path.basename(file)),
    ).toEqual(["002_add_notes.sql", "002_add_notes_rollback.sql", "002_add_notes_verify.sql"]);
    expect((await migrator("new", "Add-Notes")).err).toMatch(/^MIG019 "Add-Notes" is no name/);
  });
});
