import { setTimeout as sleep } from "node:timers/promises";
import { type Client } from "pg";
import { applyMigration, readHistory } from "../../migrator/src";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

/** The process of the migrator's session, once it is there. */
async function migratorPid(): Promise<number> {
  for (;;) {
    const { rows } = await superuser.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database()
         and application_name like 'app-data migrator%' and state = 'active'`,
    );
    if (rows[0]) return rows[0].pid;
    await sleep(20);
  }
}

describe("migrators at the same time", () => {
  it("safety 1: apply a migration once", async () => {
    const notes = protectedTable("000", "notes");
    const entries = await Promise.all([1, 2, 3].map(() => applyMigration(fixture.settings, notes)));
    expect(new Set(entries.map(({ catalogDigest }) => catalogDigest)).size).toBe(1);
    const { rows } = await superuser.query(
      "select count(*)::integer as entries from migrations.log",
    );
    expect(rows).toEqual([{ entries: 1 }]);
  });

  it("wait for each other, and name the holder when the wait is over", async () => {
    const slow = trio("000", "select pg_catalog.pg_sleep(2);");
    const first = applyMigration(fixture.settings, slow);
    await migratorPid();
    const lines: string[] = [];
    const lock = { waitMs: 300, report: (line: string) => lines.push(line) };
    const holder =
      /process \d+, app-data migrator 0\.1\.0 of role migrator from 127\.0\.0\.1\/32, connected since .* UTC \(\d+ s\)/;
    await expect(applyMigration(fixture.settings, slow, { lock })).rejects.toThrow(
      new RegExp(
        `^MIG007 Another migrator has been at work in this database for longer than 0\\.3 s: ${holder.source}`,
      ),
    );
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^Waiting for another migrator: ${holder.source}\\.$`)),
    ]);
    await expect(first).resolves.toMatchObject({ event: "apply" });
  });

  it("leave no lock and no half-done work when the session is cut off", async () => {
    const slow = trio(
      "000",
      `${protectedTable("000", "notes").forward.sql} select pg_catalog.pg_sleep(30);`,
    );
    const run = applyMigration(fixture.settings, slow);
    const failure = expect(run).rejects.toThrow(/57P01|terminat(?:ing|ed)/);
    await superuser.query("select pg_terminate_backend($1)", [await migratorPid()]);
    await failure;
    expect(await readHistory(fixture.settings)).toEqual([]);
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    expect((await readHistory(fixture.settings)).map(({ name }) => name)).toEqual(["000_test"]);
  });
});

describe("a migration that cannot have its lock", () => {
  const addColumn = trio("001", "alter table public.notes add column more text;");

  beforeEach(() => applyMigration(fixture.settings, protectedTable("000", "notes")));

  it("gives up after a while, lets readers pass, and tries again", async () => {
    const reader = await fixture.database.connect("postgres");
    await reader.query("begin; select from public.notes");
    const lines: string[] = [];
    const transaction = { lockTimeoutMs: 200, report: (line: string) => lines.push(line) };
    const run = applyMigration(fixture.settings, addColumn, { transaction });

    await migratorPid();
    const started = Date.now();
    await superuser.query("select from public.notes");
    expect(Date.now() - started).toBeLessThan(1_000);
    while (lines.length === 0) await sleep(20);
    await reader.query("commit");

    await expect(run).resolves.toMatchObject({ event: "apply", name: "001_test" });
    expect(lines[0]).toBe("Could not get a lock (SQLSTATE 55P03); try 2 of 10 follows.");
  });

  it("fails with the statement when the tries are used up", async () => {
    const reader = await fixture.database.connect("postgres");
    await reader.query("begin; select from public.notes");
    const transaction = { lockTimeoutMs: 100, attempts: 2 };
    await expect(applyMigration(fixture.settings, addColumn, { transaction })).rejects.toThrow(
      /^MIG005 sql\/001_test\.sql:1:1: canceling statement due to lock timeout \(SQLSTATE 55P03\)/,
    );
    await reader.query("commit");
  });
});
