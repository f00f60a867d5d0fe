import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Client } from "pg";
import {
  type PlanInputs,
  type Trio,
  applyMigration,
  applyPending,
  planLifecycle,
  readHistory,
  rollbackMigration,
  rollbackTo,
} from "../../../migrator/src";
import { compareHistory } from "../../../migrator/src/log/history";
import { readLog } from "../../../migrator/src/log/log";
import { reachPlan, renderPlan } from "../../../migrator/src/plan";
import { type MigratorFixture, createFixture, trio, writeTrios } from "../migration-fixture";
import { until } from "../plan-fixture";
import { startCuttingProxy } from "./cutting-proxy";

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

const table = (version: string, rollback: string) =>
  trio(
    version,
    `create table public.notes (id integer primary key, topic integer);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy notes_migrator on public.notes to migrator using (true) with check (true);
create index concurrently notes_topic on public.notes (topic);
`,
    { rollback },
  );

/** Which of the objects that a test makes are there. */
async function objects(): Promise<string[]> {
  const { rows } = await superuser.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i') order by 1",
  );
  return rows.map(({ name }) => name);
}

/** Undoes a migration until its connections are cut before a statement. */
async function cutOff(migration: Trio, statement: string): Promise<void> {
  const isAt = (sql: string) => sql.startsWith(statement);
  const proxy = await startCuttingProxy(fixture.database, { isAt, moment: "before" });
  const { port } = proxy;
  await expect(rollbackMigration({ ...fixture.settings, port }, migration)).rejects.toThrow(
    /terminated/,
  );
  expect(proxy.wasCut()).toBe(true);
  await proxy.close();
}

describe("a rollback that is cut off between its steps", () => {
  const more = trio("001", "create index concurrently notes_more on public.notes (id);\n", {
    rollback: `drop policy notes_migrator on public.notes;
drop index concurrently public.notes_more;
create policy notes_migrator on public.notes to migrator using (true) with check (true);
`,
  });
  const base = table("000", "drop table public.notes;");

  beforeEach(async () => {
    for (const each of [base, more]) await applyMigration(fixture.settings, each);
    await cutOff(more, "drop index concurrently");
  });

  it("is no migration that up takes for applied: it says what to do", async () => {
    await expect(applyPending(fixture.settings, [base, more])).rejects.toThrow(
      /^MIG015 001_test .*rollback/,
    );
  });

  it("is no obstacle to a deployment that wants it undone", async () => {
    const client = await fixture.database.connect("migrator");
    const { pending, toRollBack } = await compareHistory(
      client,
      await readLog(client),
      [base, more],
      "000",
    );
    expect({ pending, toRollBack: toRollBack.map(({ name }) => name) }).toEqual({
      pending: [],
      toRollBack: ["001_test"],
    });
  });

  it("goes on where it was", async () => {
    expect(await rollbackTo(fixture.settings, "000")).toEqual(["001_test"]);
    const { rows } = await superuser.query(
      "select polname as name from pg_policy where polrelid = 'public.notes'::regclass",
    );
    expect(rows).toEqual([{ name: "notes_migrator" }]);
    expect(await objects()).toEqual(["notes", "notes_pkey", "notes_topic"]);
    expect((await applyPending(fixture.settings, [base, more])).map(({ name }) => name)).toEqual([
      "001_test",
    ]);
  });
});

describe("a migration that failed between its steps", () => {
  const base = table("000", "drop table public.notes;");
  const half = trio(
    "001",
    "alter table public.notes add column more text;\n" +
      "create index concurrently notes_more on public.notes (more);\n" +
      "select 1 / 0;\n",
    { rollback: "alter table public.notes drop column more;" },
  );

  let directory: string;
  const stackInputs = (target: string): PlanInputs => ({
    connection: fixture.settings,
    directory,
    target,
    approvedPlan: "",
    allowDataLoss: false,
    waivers: { file: "policy/waivers.json", environment: "local" },
    snapshots: null,
  });

  beforeEach(async () => {
    // A plan of the stack prints what it rolls back.
    jest.spyOn(console, "log").mockImplementation(() => undefined);
    directory = mkdtempSync(path.join(tmpdir(), "half-applied-"));
    writeTrios(directory, [base, half]);
    await applyMigration(fixture.settings, base);
    await expect(applyMigration(fixture.settings, half)).rejects.toThrow(
      /^MIG005 .*SQLSTATE 22012/,
    );
    expect(await objects()).toEqual(["notes", "notes_more", "notes_pkey", "notes_topic"]);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(directory, { recursive: true });
  });

  it("goes on when the step that failed is corrected, and does no step twice", async () => {
    const corrected: Trio = {
      ...half,
      forward: { ...half.forward, sql: half.forward.sql.replace("1 / 0", "1 / 1") },
    };
    await applyMigration(fixture.settings, corrected);
    expect((await readHistory(fixture.settings)).map(({ event }) => event)).toEqual([
      "apply",
      "apply",
    ]);
  });

  it("is refused when a step that is done was edited", async () => {
    const edited: Trio = {
      ...half,
      forward: { ...half.forward, sql: half.forward.sql.replace("more text", "more integer") },
    };
    await expect(applyMigration(fixture.settings, edited)).rejects.toThrow(
      /^MIG014 001_test is half applied, and its step 1, which is done, was edited since\./,
    );
  });

  it("is undone by its rollback, as far as it got", async () => {
    expect(await rollbackTo(fixture.settings, "000")).toEqual(["001_test"]);
    expect(await objects()).toEqual(["notes", "notes_pkey", "notes_topic"]);
  });

  it("keeps an earlier one from being rolled back under it", async () => {
    await expect(rollbackMigration(fixture.settings, base)).rejects.toThrow(/^MIG009 .*001_test/);
    expect(await objects()).toContain("notes");
  });

  it("above the target is told by up and by the plan, with the command that undoes it", async () => {
    await expect(applyPending(fixture.settings, [base, half], { target: "000" })).rejects.toThrow(
      "MIG075 Above the target 000: 001_test is half applied. `up` undoes nothing. Undo it with " +
        "`npx migrator rollback --to 000`, or leave the target out.",
    );
    const plan = await reachPlan(fixture.settings, [base, half], { target: "000" });
    expect(plan).toMatchObject({
      rollbacks: [{ name: "001_test" }],
      halfDone: ["001_test"],
      migrations: [],
    });
    expect(renderPlan(plan)).toMatch(
      /1 applied, 0 pending, to be rolled back: 001_test \(half done\)\.\n\n001_test: to be rolled back\n {2}rollback {3}loses public\.notes, column more \(about 0 rows\)\n\nPlan \w+\nRolled back by a deployment of the stack, or by: npx migrator rollback --to 000$/,
    );
    expect(await objects()).toContain("notes_more");
  });

  it("above the target is undone by a deployment of the stack, which has no resource for it", async () => {
    const inputs = stackInputs("000");
    const { inputs: checked, failures } = await planLifecycle.check({}, inputs);
    expect(failures).toEqual([]);
    expect(checked).toMatchObject({ pending: [], toRollBack: ["001_test"], destructive: true });
    const { outs } = await planLifecycle.create(checked);
    expect(await objects()).toEqual(["notes", "notes_pkey", "notes_topic"]);
    expect((await readHistory(fixture.settings)).map(({ event }) => event)).toEqual([
      "apply",
      "rollback",
    ]);
    const { inputs: next } = await planLifecycle.check(outs, inputs);
    expect(planLifecycle.diff(outs, next)).toEqual({ changes: false });
  });

  it("above the target is not undone by a deployment while that would lose rows", async () => {
    await superuser.query("insert into public.notes (id, more) values (1, 'a')");
    const { inputs } = await planLifecycle.check({}, stackInputs("000"));
    await expect(planLifecycle.create(inputs)).rejects.toThrow(
      /^MIG017 .*would lose rows \(public\.notes, column more: 1\)/,
    );
    await planLifecycle.create({ ...inputs, allowDataLoss: true });
    expect(await objects()).toEqual(["notes", "notes_pkey", "notes_topic"]);
  });

  it("keeps one below it, which is pending, from being applied", async () => {
    const later = { ...half, version: "002", name: "002_test" };
    await rollbackTo(fixture.settings, "000");
    await expect(applyMigration(fixture.settings, later)).rejects.toThrow(/^MIG005/);
    await expect(applyPending(fixture.settings, [base, half, later])).rejects.toThrow(
      /^MIG009 001_test can be neither applied nor rolled back while later migrations are applied \(002_test\)/,
    );
  });

  it("is not forgotten when its files are gone", async () => {
    await expect(applyPending(fixture.settings, [base])).rejects.toThrow(/^MIG012 .*001_test/);
  });
});

describe("a rollback of several steps", () => {
  const GUARDED = `do $$
begin
  if current_setting('app_data.allow_data_loss', true) is distinct from 'on'
     and exists (select from public.notes) then
    raise exception 'rows would be lost';
  end if;
end
$$;
drop index concurrently public.notes_topic;
drop table public.notes;
`;

  it("may hold a block beside a statement that runs in no transaction", async () => {
    await applyMigration(fixture.settings, table("000", GUARDED));
    await rollbackTo(fixture.settings, undefined);
    expect(await objects()).toEqual([]);
  });

  it("loses no row unless that is allowed, and then its blocks know it", async () => {
    await applyMigration(fixture.settings, table("000", GUARDED));
    await superuser.query("insert into public.notes values (1, 1)");
    await expect(rollbackTo(fixture.settings, undefined)).rejects.toThrow(/MIG005|MIG017/);
    expect(await objects()).toEqual(["notes", "notes_pkey", "notes_topic"]);
    await rollbackTo(fixture.settings, undefined, { allowDataLoss: true });
    expect(await objects()).toEqual([]);
  });

  it("goes on after it was cut off, although what its first steps need is gone", async () => {
    const blockFirst = `do $$ begin perform 1; end $$;
drop policy notes_migrator on public.notes;
drop index concurrently public.notes_topic;
drop table public.notes;
`;
    const base = table("000", blockFirst);
    await applyMigration(fixture.settings, base);
    await cutOff(base, "drop index concurrently");
    await rollbackTo(fixture.settings, undefined);
    expect(await objects()).toEqual([]);
  });
});

describe("the connection that holds the lock", () => {
  it("is missed before the next batch is committed", async () => {
    await applyMigration(fixture.settings, table("000", "drop table public.notes;"));
    await superuser.query("insert into public.notes select n, 0 from generate_series(1, 50) as n");
    const batches = trio(
      "001",
      "-- batch: table public.notes, key id, size 1, pause 50ms\n" +
        "update public.notes n set topic = n.topic + 1\nwhere true /* batch: n.id */;\n",
    );
    const failure = expect(applyMigration(fixture.settings, batches)).rejects.toThrow(/MIG007/);
    const done = async () => {
      const { rows } = await superuser.query<{ sum: number }>(
        "select sum(topic)::integer as sum from public.notes",
      );
      return rows[0]?.sum ?? 0;
    };
    await until(async () => (await done()) >= 5);
    // The key of its lock; the connection that works has the next one.
    const { rowCount } = await superuser.query(
      `select pg_terminate_backend(l.pid) from pg_locks l
        where l.locktype = 'advisory'
          and l.database = (select oid from pg_database where datname = current_database())
          and (l.classid::bigint << 32 | l.objid::bigint) = 4815162342`,
    );
    expect(rowCount).toBe(1);
    await failure;
    expect(await done()).toBeLessThan(50);
    await applyMigration(fixture.settings, batches);
    expect(await done()).toBe(50);
  });
});
