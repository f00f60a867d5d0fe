import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Client } from "pg";
import { applyMigration, applyPending } from "../../migrator/src";
import { WORK_KEY } from "../../migrator/src/database/lock-query";
import { watchWork } from "../../migrator/src/database/watch";
import {
  type MigratorFixture,
  createFixture,
  protectedTable,
  trio,
  writeTrios,
} from "./migration-fixture";
import { until } from "./plan-fixture";

const NOTES = protectedTable("000", "notes");
let fixture: MigratorFixture;
let superuser: Client;
let directory: string;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  directory = mkdtempSync(path.join(tmpdir(), "interruption-"));
});
afterEach(async () => {
  await fixture.database.drop();
  rmSync(directory, { recursive: true });
});

/** Whether a migrator's session is at a statement, or at some that it is among. */
async function isRunning(statement: string): Promise<boolean> {
  const { rowCount } = await superuser.query(
    `select from pg_stat_activity where datname = current_database()
       and application_name like 'app-data migrator%' and state = 'active' and query like $1`,
    [`%${statement}%`],
  );
  return rowCount !== 0;
}

/** Migrators' sessions and locks that are left in the database. */
async function remains() {
  const { rows } = await superuser.query<{ sessions: number; locks: number }>(
    `select (select count(*)::integer from pg_stat_activity where datname = current_database()
               and application_name like 'app-data migrator%') as sessions,
            (select count(*)::integer from pg_locks l join pg_database d on d.oid = l.database
              where d.datname = current_database() and l.locktype = 'advisory') as locks`,
  );
  return rows[0];
}

interface Run {
  child: ChildProcess;
  said(): string;
}

/** Starts `npx migrator up`. */
function startUp(): Run {
  const env = { ...process.env, MIGRATOR_URL: fixture.database.url("migrator") };
  const program = path.resolve("migrator/bin/migrator.mjs");
  const child = spawn(process.execPath, [program, "up", "--directory", directory], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  return { child, said: () => said };
}

/** Ends a run with a signal. @returns its exit code. */
async function end({ child }: Run, signal: NodeJS.Signals): Promise<unknown> {
  const exited = once(child, "exit");
  child.kill(signal);
  const [code] = await exited;
  return code;
}

describe("a run that is ended by a signal", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "%s cancels the statement on the server, commits nothing of its transaction, and says so",
    async (signal, exitCode) => {
      const slow = trio(
        "001",
        `${protectedTable("001", "slow").forward.sql}select pg_catalog.pg_sleep(60);`,
      );
      writeTrios(directory, [NOTES, slow]);
      const run = startUp();
      await until(() => isRunning("select pg_catalog.pg_sleep"));

      expect(await end(run, signal)).toBe(exitCode);
      expect(await remains()).toEqual({ sessions: 0, locks: 0 });
      expect(run.said()).toContain(
        `${signal}: cancelling what runs. Once more ends this process at once.\n`,
      );
      expect(run.said()).toMatch(
        new RegExp(
          `MIG077 The run was ended by ${signal}\\. The statement that ran was cancelled and its transaction ` +
            "undone; what was committed before stays\\. `npx migrator status` shows",
        ),
      );
      const { rows } = await superuser.query(
        "select to_regclass('public.notes') is not null as notes, to_regclass('public.slow') as slow",
      );
      expect(rows).toEqual([{ notes: true, slow: null }]);
    },
  );

  it("leaves no INVALID index of a concurrent one, and the next run makes it", async () => {
    const index = trio("001", "create index concurrently notes_note on public.notes (note);");
    writeTrios(directory, [NOTES, index]);
    await applyMigration(fixture.settings, NOTES);
    const writer = await fixture.database.connect("postgres");
    await writer.query("begin; insert into public.notes values (1, 'a')");
    const run = startUp();
    await until(() => isRunning("create index concurrently"));
    await end(run, "SIGINT");
    // It is dropped concurrently, too, which the writer keeps waiting no longer than the run lives.
    await writer.query("commit");
    await expect(applyPending(fixture.settings, [NOTES, index])).resolves.toHaveLength(1);
    const { rows } = await superuser.query(
      "select indisvalid from pg_index where indexrelid = 'public.notes_note'::regclass",
    );
    expect(rows).toEqual([{ indisvalid: true }]);
    expect(await remains()).toEqual({ sessions: 0, locks: 0 });
  });

  it("does not wait for another migrator any longer", async () => {
    writeTrios(directory, [NOTES]);
    const other = await fixture.database.connect("migrator");
    await other.query("select pg_advisory_lock(4815162342)");
    const run = startUp();
    await until(() => /Waiting for another migrator: process \d+/.test(run.said()));
    expect(await end(run, "SIGINT")).toBe(130);
    expect(run.said()).toContain("MIG077");
  });
});

describe("the watch over a session that works", () => {
  let ends: (() => void)[] = [];
  afterEach(() => {
    for (const stop of ends) stop();
    ends = [];
  });

  /** A session that works, and what is told of it. */
  async function watched() {
    const worker = await fixture.database.connect("migrator");
    const keeper = await fixture.database.connect("migrator");
    await worker.query("select pg_advisory_lock($1)", [WORK_KEY]);
    const lines: string[] = [];
    ends.push(watchWork(keeper, (line) => lines.push(line), { lookMs: 50, reportSeconds: 1 }));
    return { worker, lines };
  }

  it("names once whom it waits for", async () => {
    await applyMigration(fixture.settings, NOTES);
    const reader = await fixture.database.connect("app");
    await superuser.query(
      "grant select on public.notes to app; grant usage on schema public to app",
    );
    await reader.query("begin; select from public.notes");
    const { worker, lines } = await watched();
    const alter = worker.query("alter table public.notes add column more text");
    await until(() => lines.length > 0);
    await until(async () => (await superuser.query("select pg_sleep(0.3)")).rowCount === 1);
    await reader.query("commit");
    await alter;
    const { rows } = await reader.query<{ pid: number }>("select pg_backend_pid() as pid");
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^Waiting for process ${rows[0]?.pid}, role app\\.$`)),
    ]);
  });

  it("tells of a statement that takes long, and how far an index is", async () => {
    await applyMigration(fixture.settings, NOTES);
    const writer = await fixture.database.connect("postgres");
    await writer.query("begin; insert into public.notes values (1, 'a')");
    const { worker, lines } = await watched();
    const create = worker.query("create index concurrently notes_note on public.notes (note)");
    const busy = () => lines.filter((line) => line.startsWith("Busy"));
    await until(() => busy().length > 1);
    await writer.query("commit");
    await create;
    expect(busy()[0]).toMatch(
      /^Busy for 1 s: create index concurrently notes_note on public\.notes \(note\) \(waiting for writers before build, \d+ %\)$/,
    );
  });

  it("is silent about what goes on, and when nothing is done", async () => {
    const { worker, lines } = await watched();
    await worker.query("select pg_sleep(0.3)");
    await worker.query("select pg_sleep(0.3)");
    expect(lines).toEqual([]);
  });
});
