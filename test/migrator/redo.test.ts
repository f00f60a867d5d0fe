import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type TestDatabase, createDatabase } from "../support/database";
import { type Outcome, runCommand } from "./command-line-fixture";

let database: TestDatabase;
let directory: string;

beforeEach(async () => {
  database = await createDatabase();
  directory = mkdtempSync(path.join(tmpdir(), "app-data-redo-"));
  process.env["MIGRATOR_URL"] = database.url("migrator");
  write("000_notes", table("notes"));
  write("001_pages", table("pages"));
  await migrator("up");
});
afterEach(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

const table = (name: string, columns = "id integer primary key") => ({
  forward: `create table public.${name} (${columns});
alter table public.${name} enable row level security;
alter table public.${name} force row level security;
`,
  rollback: `drop table public.${name};\n`,
  verify: `select from public.${name};\n`,
});

function write(name: string, { forward, rollback, verify }: ReturnType<typeof table>): void {
  writeFileSync(path.join(directory, `${name}.sql`), forward);
  writeFileSync(path.join(directory, `${name}_rollback.sql`), rollback);
  writeFileSync(path.join(directory, `${name}_verify.sql`), verify);
}

function migrator(...args: string[]): Promise<Outcome> {
  return runCommand(...args, "--directory", directory);
}

async function columnsOf(name: string): Promise<string[]> {
  const superuser = await database.connect("postgres");
  const { rows } = await superuser.query(
    "select attname from pg_attribute where attrelid = to_regclass($1) and attnum > 0 order by attnum",
    [`public.${name}`],
  );
  return rows.map(({ attname }) => attname);
}

const WITH_NOTE = "id integer primary key, note text";
const isDone = (out: string) =>
  out
    .replace(/\d+ ms/g, "N ms")
    .trim()
    .split("\n");

describe("npx migrator redo", () => {
  it("rolls the newest back and applies its file as it is now", async () => {
    write("001_pages", table("pages", WITH_NOTE));
    const { code, out } = await migrator("redo");
    expect(code).toBe(0);
    expect(isDone(out)).toEqual(["001_pages  rolled back", "001_pages  applied in N ms"]);
    expect(await columnsOf("pages")).toEqual(["id", "note"]);
    expect((await migrator("status")).out).not.toContain("EDITED");
  });

  it("goes down to the one that is named, and up again", async () => {
    write("000_notes", table("notes", WITH_NOTE));
    expect((await migrator("redo")).err).toMatch(/^MIG008 000_notes .*`npx migrator redo 000`/s);
    expect(isDone((await migrator("redo", "000")).out)).toEqual([
      "001_pages  rolled back",
      "000_notes  rolled back",
      "000_notes  applied in N ms",
      "001_pages  applied in N ms",
    ]);
    expect(await columnsOf("notes")).toEqual(["id", "note"]);
  });

  it("undoes nothing for files that would be refused", async () => {
    for (const forward of ["create tabel public.pages ();", "-- later\n", "begin; commit;"]) {
      write("001_pages", { ...table("pages"), forward });
      expect((await migrator("redo")).err).toMatch(/^MIG0(?:02|05|25) .*001_pages\.sql/s);
    }
    expect(await columnsOf("pages")).toEqual(["id"]);
  });

  it("applies what was rolled back when what is wrong with it is mended", async () => {
    write("001_pages", table("pages", "id integer, note missing_type"));
    const { err } = await migrator("redo");
    expect(err).toContain('type "missing_type" does not exist');
    expect(err).toContain("\nRolled back before that, and stays so: 001_pages\n");
    expect(await columnsOf("pages")).toEqual([]);
    write("001_pages", table("pages", WITH_NOTE));
    expect(isDone((await migrator("redo")).out)).toEqual(["001_pages  applied in N ms"]);
  });

  it("loses rows only when told to", async () => {
    const superuser = await database.connect("postgres");
    await superuser.query("insert into public.pages values (1)");
    expect((await migrator("redo")).err).toMatch(/MIG017 .*public\.pages: 1/);
    expect((await migrator("redo", "--allow-data-loss")).code).toBe(0);
  });

  it("undoes with a rollback file that was corrected since", async () => {
    write("001_pages", { ...table("pages"), rollback: "drop table public.pagse;\n" });
    await migrator("redo");
    expect((await migrator("rollback")).err).toContain('table "pagse" does not exist');
    write("001_pages", table("pages"));
    expect(isDone((await migrator("redo")).out)).toEqual([
      "001_pages  rolled back",
      "001_pages  applied in N ms",
    ]);
  });

  it.each(["redo", "watch"])("is not for databases that others share: %s", async (command) => {
    for (const environment of ["staging", "prod"]) {
      expect(await migrator(command, "--environment", environment)).toMatchObject({
        code: 2,
        err: `"${command}" is for local and dev; in ${environment}, write a new migration. \`migrator --help\` shows what there is.\n`,
      });
    }
    expect(await columnsOf("pages")).toEqual(["id"]);
  });
});

describe("npx migrator watch", () => {
  it("does again at each save what was changed, tells what fails, and ends at Ctrl-C", async () => {
    const program = path.resolve("migrator/bin/migrator.mjs");
    const child = spawn(process.execPath, [program, "watch", "--directory", directory], {
      env: { ...process.env },
    });
    const said = { text: "" };
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data: Buffer) => (said.text += data.toString()));
    try {
      await heard(child, said, "Ctrl-C ends it.");
      write("001_pages", table("pages", WITH_NOTE));
      await heard(child, said, "001_pages  applied in");
      expect(await columnsOf("pages")).toEqual(["id", "note"]);

      write("002_tags", { ...table("tags"), forward: "create table public.tags (id integer);\n" });
      await heard(
        child,
        said,
        "table public.tags has row level security neither enabled nor forced",
      );
      expect(said.text).not.toContain("001_pages: rolling back (1 of 1)\n001_pages: rolling");
      write("002_tags", table("tags"));
      await heard(child, said, "002_tags  applied in");
      expect(said.text.match(/MIG006/g)).toHaveLength(1);
    } finally {
      child.kill("SIGINT");
    }
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

describe("npx migrator watch of a folder that vanishes", () => {
  it("says so, and ends with 1", async () => {
    const program = path.resolve("migrator/bin/migrator.mjs");
    const child = spawn(process.execPath, [program, "watch", "--directory", directory], {
      env: { ...process.env },
    });
    const said = { text: "" };
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data: Buffer) => (said.text += data.toString()));
    const ended = once(child, "exit");
    try {
      await heard(child, said, "Ctrl-C ends it.");
      await sleep(1000);
      rmSync(directory, { recursive: true });
      expect(await Promise.race([ended, sleep(20_000)])).toEqual([1, null]);
      expect(said.text).toContain(`${directory} is gone: nothing is watched any more.`);
    } finally {
      child.kill("SIGKILL");
      mkdirSync(directory, { recursive: true });
    }
  });
});

async function heard(child: ChildProcess, said: { text: string }, words: string): Promise<void> {
  for (const end = Date.now() + 60_000; !said.text.includes(words); await sleep(50)) {
    if (Date.now() > end || child.exitCode !== null)
      throw new Error(`"${words}" was not said, but:\n${said.text}`);
  }
}

describe("npx migrator log", () => {
  it("tells a machine what happened, with hazards and the place of failures", async () => {
    write("002_tags", { ...table("tags"), verify: "select\n  from public.nowhere;\n" });
    await migrator("up");
    const { out } = await migrator("log", "--json");
    const { history } = JSON.parse(out);
    expect(history).toMatchObject([
      {
        id: 1,
        event: "apply",
        name: "000_notes",
        databaseUser: "migrator",
        hazards: ["changes access"],
        note: null,
      },
      { event: "apply", name: "001_pages" },
      {
        event: "failure",
        name: "002_tags",
        note: `MIG005 ${path.join(directory, "002_tags_verify.sql")}:2:8: SQLSTATE 42P01`,
      },
    ]);
    expect(JSON.parse((await migrator("status", "--json")).out).lastFailure).toMatchObject({
      name: "002_tags",
      note: history[2].note,
    });
    expect((await migrator("log", "001")).out.trim().split("\n")).toHaveLength(1);
  });

  it("says so where nothing is recorded", async () => {
    const empty = await createDatabase();
    process.env["MIGRATOR_URL"] = empty.url("migrator");
    expect(await migrator("log")).toEqual({ code: 0, out: "Nothing is recorded.\n", err: "" });
    await empty.drop();
  });
});

describe("npx migrator plan --check", () => {
  it("ends with 1 where something is to be done, and with 0 where nothing is", async () => {
    expect((await migrator("plan", "--check")).code).toBe(0);
    expect((await migrator("plan", "--check", "--target", "000")).code).toBe(1);
    write("002_tags", table("tags"));
    expect((await migrator("plan", "--check")).code).toBe(1);
    expect((await migrator("plan")).code).toBe(0);
  });
});

describe("npx migrator up --report-drift", () => {
  it("tells drift and leaves it, where up repairs it", async () => {
    const owner = await database.connect("migrator");
    await owner.query("create policy own on public.notes to app using (id = 1)");
    write("002_tags", table("tags"));
    const told = await migrator("up", "--report-drift");
    expect(told.code).toBe(0);
    expect(told.err).toContain("Drift: policy own");
    expect(told.err).not.toContain("Repaired drift");
    expect((await migrator("drift")).code).toBe(1);
    write("003_tags", table("words"));
    expect((await migrator("up")).err).toContain("Repaired drift: policy own");
    expect((await migrator("drift")).code).toBe(0);
  });
});
