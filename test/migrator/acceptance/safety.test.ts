import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { type Trio, applyMigration, applyPending, readHistory } from "../../../migrator/src";
import { type MigratorFixture, createFixture, trio } from "../migration-fixture";
import { until } from "../plan-fixture";

const TABLE = trio(
  "000",
  `create table public.notes (id integer primary key, topic integer not null);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy notes_migrator on public.notes to migrator using (true) with check (true);
insert into public.notes select n, n % 100 from pg_catalog.generate_series(1, 1000) as n;
`,
  { rollback: "drop table public.notes;" },
);

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  await applyMigration(fixture.settings, TABLE);
});
afterEach(() => fixture.database.drop());

/** The indexes of the table by name, and whether they are valid. */
async function indexes(): Promise<Record<string, boolean>> {
  const { rows } = await superuser.query<{ name: string; valid: boolean }>(
    `select indexrelid::regclass::text as name, indisvalid as valid from pg_index
      where indrelid = 'public.notes'::regclass order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, valid }) => [name, valid]));
}

/** Whether a migrator's session runs a statement that starts so. */
async function isRunning(start: string): Promise<boolean> {
  const { rowCount } = await superuser.query(
    `select from pg_stat_activity where datname = current_database()
       and application_name like 'app-data migrator%' and state = 'active' and query like $1`,
    [`${start}%`],
  );
  return rowCount !== 0;
}

async function events(): Promise<string[]> {
  const { rows } = await superuser.query<{ line: string }>(
    "select version || ' ' || event as line from migrations.log order by id",
  );
  return rows.map(({ line }) => line);
}

const CONCURRENT = trio(
  "001",
  "create index concurrently notes_topic on public.notes (topic);\n" +
    "comment on index public.notes_topic is 'Notes of a topic.';\n",
  { rollback: "drop index if exists public.notes_topic;" },
);

describe("two runners at once", () => {
  it("safety 2, acceptance 1: both finish a concurrent index that has to wait, and one makes it", async () => {
    const writer = await fixture.database.connect("postgres");
    await writer.query("begin; update public.notes set topic = 1 where id = 1");
    const runs = [1, 2].map(() => applyPending(fixture.settings, [TABLE, CONCURRENT]));
    await until(() => isRunning("create index concurrently"));
    // Longer than the server takes to find a deadlock.
    await sleep(1_500);
    await writer.query("commit");

    const entries = await Promise.all(runs);
    expect(entries.map(({ length }) => length).sort()).toEqual([0, 1]);
    expect(await indexes()).toEqual({ notes_pkey: true, notes_topic: true });
    expect(await events()).toEqual(["000 apply", "001 begin apply", "001 apply"]);
  });
});

describe("a runner that is killed", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "safety-"));
    for (const each of [TABLE, CONCURRENT]) writeTrio(directory, each);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Starts the command line, and waits until it is at its concurrent index. */
  async function startProcess(): Promise<ChildProcess> {
    const url = fixture.database.url("migrator");
    const child = spawn(
      process.execPath,
      [path.resolve("migrator/bin/migrator.mjs"), "up", "--directory", directory],
      { env: { ...process.env, MIGRATOR_URL: url }, stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    for await (const text of child.stderr) {
      said += String(text);
      if (said.includes("create index concurrently")) break;
    }
    expect(said).toContain("001_test: step 1 of 2, create index concurrently");
    await until(() => isRunning("create index concurrently"));
    return child;
  }

  it("safety 3, acceptance 2: with kill -9 inside a statement that its server goes on with, is followed by one that finishes", async () => {
    const writer = await fixture.database.connect("postgres");
    await writer.query("begin; update public.notes set topic = 1 where id = 1");
    const child = await startProcess();
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await events()).toEqual(["000 apply", "001 begin apply"]);

    const next = applyPending(fixture.settings, [TABLE, CONCURRENT]);
    await sleep(500);
    await writer.query("commit");
    await expect(next).resolves.toEqual([expect.objectContaining({ name: "001_test" })]);
    expect(await indexes()).toEqual({ notes_pkey: true, notes_topic: true });
    expect(await events()).toEqual(["000 apply", "001 begin apply", "001 apply"]);
  });
});

describe("a unique index that fails to be created concurrently", () => {
  const unique = (condition = "") =>
    trio(
      "001",
      `create unique index concurrently ${condition}notes_topic on public.notes (topic);\n`,
    );

  it("safety 4, acceptance 3: leaves no INVALID index, and is made by the next run once the rows allow it", async () => {
    await expect(applyMigration(fixture.settings, unique())).rejects.toThrow(
      /^MIG005 sql\/001_test\.sql:1:1: could not create unique index "notes_topic" \(SQLSTATE 23505\)/,
    );
    expect(await indexes()).toEqual({ notes_pkey: true });
    await superuser.query("update public.notes set topic = id");
    await applyMigration(fixture.settings, unique());
    expect(await indexes()).toEqual({ notes_pkey: true, notes_topic: true });
    expect(await events()).toEqual(["000 apply", "001 begin apply", "001 failure", "001 apply"]);
  });

  it("safety 4: is made where a failure by hand left an INVALID one, which if not exists takes for it", async () => {
    const owner = await fixture.database.connect("migrator");
    const byHand =
      "create unique index concurrently if not exists notes_topic on public.notes (topic)";
    await expect(owner.query(byHand)).rejects.toMatchObject({ code: "23505" });
    await superuser.query("update public.notes set topic = id");
    // The control: PostgreSQL by itself is content with it.
    await owner.query(byHand);
    expect(await indexes()).toEqual({ notes_pkey: true, notes_topic: false });

    await applyMigration(fixture.settings, unique("if not exists "));
    expect(await indexes()).toEqual({ notes_pkey: true, notes_topic: true });
    await expect(
      superuser.query("insert into public.notes values (2000, 7)"),
    ).rejects.toMatchObject({ code: "23505" });
  });
});

describe("a long reader", () => {
  /** Reads the table until told to stop. @returns the longest that one read took, in milliseconds. */
  async function readOn(done: () => boolean): Promise<number> {
    const reader = await fixture.database.connect("postgres");
    let longest = 0;
    while (!done()) {
      const started = Date.now();
      await reader.query("select from public.notes limit 1");
      longest = Math.max(longest, Date.now() - started);
      await sleep(5);
    }
    return longest;
  }

  // What a machine under load adds to a request that waits for nothing.
  const SLOWNESS_MS = 400;

  it.each([
    ["a statement of a transaction", "alter table public.notes add column more text;\n"],
    ["a statement that runs in none", "vacuum (full) public.notes;\n"],
  ])(
    "safety 7, acceptance 11: makes %s wait and try again, and no other reader waits longer than the lock timeout",
    async (_what, sql) => {
      const lockTimeoutMs = 500;
      const long = await fixture.database.connect("postgres");
      await long.query("begin; select from public.notes limit 1");
      const lines: string[] = [];
      let done = false;
      const readers = readOn(() => done);
      const run = applyMigration(fixture.settings, trio("001", sql), {
        transaction: { lockTimeoutMs, report: (line) => lines.push(line) },
      });
      await until(async () => lines.length > 1);
      await long.query("commit");
      await expect(run).resolves.toMatchObject({ event: "apply", name: "001_test" });
      done = true;
      const longest = await readers;
      // The control: they did meet.
      expect(longest).toBeGreaterThan(100);
      expect(longest).toBeLessThan(lockTimeoutMs + SLOWNESS_MS);
    },
  );
});

describe("a table without row level security", () => {
  // The gate does not read the whole catalog again for each migration: each way must show all the same.
  it.each([
    ["is made", "create table public.open (id integer);"],
    ["is made by a query", "create table public.open as select 1 as id;"],
    [
      "is made by a function",
      "create function public.f() returns void language plpgsql as 'begin create table public.open (id integer); end'; select public.f();",
    ],
    [
      "is made as a partition",
      "create table public.parts (id integer) partition by range (id); alter table public.parts enable row level security; alter table public.parts force row level security; create table public.open partition of public.parts default;",
    ],
    [
      "is switched off in a block",
      "do $$ begin execute 'alter table public.notes disable row level security'; end $$;",
    ],
    ["binds its owner no more", "alter table public.notes no force row level security;"],
    [
      "is moved into a new schema",
      "create schema other; create table other.open (id integer); alter table other.open enable row level security;",
    ],
    [
      "is switched off between changes",
      "alter table public.notes add column a integer; alter table public.notes disable row level security; alter table public.notes add column b integer;",
    ],
    [
      "is switched off before a savepoint of a block",
      "do $$ begin alter table public.notes disable row level security; begin perform 1 / 0; exception when division_by_zero then null; end; end $$;",
    ],
    [
      "is switched off before a concurrent index",
      "alter table public.notes no force row level security;\ncreate index concurrently notes_topic on public.notes (topic);",
    ],
    [
      "is switched off after a concurrent index",
      "create index concurrently notes_topic on public.notes (topic);\nalter table public.notes no force row level security;",
    ],
  ])(
    "safety 8: that %s stops the second migration of a run, and stays closed",
    async (_how, sql) => {
      const first = trio("001", "create schema first;\n");
      const second = trio("002", sql);
      await expect(applyPending(fixture.settings, [TABLE, first, second])).rejects.toThrow(
        /^MIG006 002_test was not committed: it would leave rows unprotected\. POL101 /,
      );
      const { rows } = await superuser.query(
        `select oid::regclass::text as table, relrowsecurity and relforcerowsecurity as closed from pg_class
        where relkind in ('r', 'p') and relnamespace not in (
          'pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'migrations'::regnamespace)`,
      );
      expect(rows).toEqual([{ table: "notes", closed: true }]);
      expect((await readHistory(fixture.settings)).map(({ event }) => event)).toContain("apply");
    },
  );
});

describe("a file that comes late", () => {
  it("safety 9: is refused before anything runs, also beside files that may run", async () => {
    const later = trio("002", "create schema later;\n");
    await applyMigration(fixture.settings, later);
    const late = trio("001", "create schema late;\n");
    const newest = trio("003", "create schema newest;\n");
    await expect(applyPending(fixture.settings, [TABLE, late, later, newest])).rejects.toThrow(
      "MIG009 001_test can be neither applied nor rolled back while later migrations are applied (002_test). " +
        "Give a new migration the next number, or roll those back first, newest first: `npx migrator rollback`.",
    );
    const { rows } = await superuser.query(
      "select to_regnamespace('late') as late, to_regnamespace('newest') as newest",
    );
    expect(rows).toEqual([{ late: null, newest: null }]);
    expect((await readHistory(fixture.settings)).map(({ version }) => version)).toEqual([
      "000",
      "002",
    ]);
  });
});

function writeTrio(directory: string, { name, forward, rollback, verify }: Trio): void {
  writeFileSync(path.join(directory, `${name}.sql`), forward.sql);
  writeFileSync(path.join(directory, `${name}_rollback.sql`), rollback.sql);
  writeFileSync(path.join(directory, `${name}_verify.sql`), verify.sql);
}
