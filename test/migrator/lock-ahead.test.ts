import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { applyMigration, rollbackMigration } from "../../migrator/src";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;
/** An application's open transaction. */
let request: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  request = await fixture.database.connect("postgres");
  await applyMigration(fixture.settings, protectedTable("000", "a"));
  await applyMigration(fixture.settings, protectedTable("001", "b"));
});
afterEach(() => fixture.database.drop());

const BOTH = `alter table public.a add column more text;
alter table public.b add column more text;
`;

/** The locks on a table that somebody waits for, or the migrator holds. */
async function locks(table: string): Promise<string[]> {
  const { rows } = await superuser.query<{ lock: string }>(
    `select l.mode || case when l.granted then '' else ' awaited' end as lock
       from pg_locks l join pg_stat_activity s using (pid)
      where l.relation = $1::regclass and s.application_name like 'app-data migrator%'`,
    [table],
  );
  return rows.map(({ lock }) => lock);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

describe("a migration of two tables", () => {
  it("has both locks before its first statement, and its own limits again", async () => {
    const check = `do $$
declare
  held text := (
    select string_agg(l.relation::regclass || ' ' || l.mode, ', ' order by l.relation)
    from pg_locks l
    where l.pid = pg_backend_pid() and l.relation in ('public.a'::regclass, 'public.b'::regclass)
  );
begin
  raise exception '% within %', held, current_setting('lock_timeout');
end
$$;
`;
    const transaction = { lockTimeoutMs: 2_000 };
    await expect(
      applyMigration(fixture.settings, trio("002", check + BOTH), { transaction }),
    ).rejects.toThrow("public.a AccessExclusiveLock, public.b AccessExclusiveLock within 2s");
  });

  it("makes no deadlock with a transaction that takes them the other way round", async () => {
    await request.query("begin; select from public.b");
    const tries: string[] = [];
    const transaction = { report: (line: string) => tries.push(line) };
    const run = applyMigration(fixture.settings, trio("002", BOTH), { transaction });
    await until(async () => (await locks("public.b")).includes("AccessExclusiveLock awaited"));
    // The migrator holds public.a at first, and lets go of it before a deadlock would be looked for.
    await expect(request.query("select from public.a")).resolves.toMatchObject({ rowCount: 0 });
    await request.query("commit");
    await expect(run).resolves.toMatchObject({ event: "apply" });
    expect(tries).toEqual([]);
  });

  it("lets the first go while it waits longer for the second", async () => {
    await request.query("begin; select from public.b");
    const transaction = { lockTimeoutMs: 4_000 };
    const run = applyMigration(fixture.settings, trio("002", BOTH), { transaction });
    await until(async () => (await locks("public.b")).includes("AccessExclusiveLock awaited"));
    await until(async () => (await locks("public.a")).length === 0);
    await until(async () => (await locks("public.b")).includes("AccessExclusiveLock awaited"));
    expect(await locks("public.a")).toEqual([]);
    await request.query("commit");
    await expect(run).resolves.toMatchObject({ event: "apply" });
  });

  it("names the statement whose lock it could not get, after one timeout in all", async () => {
    await request.query("begin; select from public.b");
    const transaction = { lockTimeoutMs: 400, attempts: 1 };
    const started = Date.now();
    await expect(
      applyMigration(fixture.settings, trio("002", BOTH), { transaction }),
    ).rejects.toThrow(
      "MIG005 sql/002_test.sql:2:1: canceling statement due to lock timeout (SQLSTATE 55P03).",
    );
    expect(Date.now() - started).toBeGreaterThan(290);
    await request.query("commit");
    await expect(
      applyMigration(fixture.settings, trio("002", BOTH), { transaction }),
    ).resolves.toMatchObject({ event: "apply" });
  });

  it("takes them for its rollback, too", async () => {
    const rollback =
      "alter table public.a drop column more; alter table public.b drop column more;";
    const both = trio("002", BOTH, { rollback });
    await applyMigration(fixture.settings, both);
    await request.query("begin; select from public.b");
    const run = rollbackMigration(fixture.settings, both);
    await until(async () => (await locks("public.b")).includes("AccessExclusiveLock awaited"));
    await expect(request.query("select from public.a")).resolves.toMatchObject({ rowCount: 0 });
    await request.query("commit");
    await expect(run).resolves.toBe(true);
  });
});

describe("a migration of a view", () => {
  it("leaves the tables below a view to their writers", async () => {
    const view = (columns: string) => `create or replace view public.v with (security_invoker)
  as select ${columns} from public.a;`;
    await applyMigration(fixture.settings, trio("002", view("id")));
    await request.query("begin; insert into public.a (id) values (1)");
    const transaction = { lockTimeoutMs: 400, attempts: 1 };
    await expect(
      applyMigration(fixture.settings, trio("003", view("id, note")), { transaction }),
    ).resolves.toMatchObject({ event: "apply" });
    await request.query("commit");
  });
});
