import type { Client } from "pg";
import { applyPending } from "../../migrator/src";
import { type Blocker, type Plan, readPlan, renderPlan } from "../../migrator/src/plan";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";
import { createReader, until } from "./plan-fixture";

const notes = protectedTable("000", "notes");
const alters = trio("001", "alter table public.notes add column more text;");
const builds = trio("001", "create index concurrently notes_note on public.notes (note);", {
  rollback: "drop index public.notes_note;",
});

let fixture: MigratorFixture;
let migrator: Client;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  await applyPending(fixture.settings, [notes]);
  migrator = await fixture.database.connect("migrator");
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

function blockersOf(plan: Plan): Blocker[] {
  const [migration] = plan.migrations;
  if (!migration) throw new Error("Nothing is pending.");
  return migration.blockers;
}

/** A session of its own name, in a transaction. */
async function session(name: string, ...statements: string[]): Promise<Client> {
  const client = await fixture.database.connect("migrator");
  await client.query(`set application_name = '${name}'`);
  for (const statement of statements) await client.query(statement);
  return client;
}

async function processOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

describe("the sessions that a plan would wait for", () => {
  it("are those that hold or await a conflicting lock, with no word of their queries", async () => {
    const writer = await session("writer", "begin", "update public.notes set note = 'canary'");
    const other = await session("other", "begin", "select count(*) from migrations.log");
    const waiter = await session("waiter", "begin");
    const waiterProcess = await processOf(waiter);
    const writerProcess = await processOf(writer);
    const waiting = waiter.query("lock table public.notes in access exclusive mode /* canary */");
    await until(async () => {
      const { rows } = await superuser.query(
        "select from pg_locks where not granted and pid = $1",
        [waiterProcess],
      );
      return rows.length > 0;
    });

    const plan = await readPlan(migrator, [notes, alters]);
    const byName = new Map(blockersOf(plan).map((blocker) => [blocker.application, blocker]));
    expect([...byName.keys()].sort()).toEqual(["waiter", "writer"]);
    expect(byName.get("writer")).toEqual({
      pid: writerProcess,
      application: "writer",
      role: "migrator",
      state: "idle in transaction",
      ageSeconds: expect.any(Number) as number,
      locks: [{ relation: "public.notes", mode: "ROW EXCLUSIVE", granted: true }],
    });
    expect(byName.get("waiter")).toMatchObject({
      state: "active",
      locks: [{ relation: "public.notes", mode: "ACCESS EXCLUSIVE", granted: false }],
    });
    expect(JSON.stringify(plan)).not.toContain("canary");
    expect(renderPlan(plan)).toMatch(
      new RegExp(
        `process ${writerProcess}, writer, role migrator, idle in transaction, ` +
          "in a transaction for \\d+ s: holds ROW EXCLUSIVE on public\\.notes",
      ),
    );
    for (const client of [writer, other]) await client.query("rollback");
    await waiting;
    await waiter.query("rollback");
    expect(blockersOf(await readPlan(migrator, [notes, alters]))).toEqual([]);
  });

  it("do not make the plan wait, not even for a table that somebody has for himself", async () => {
    await superuser.query("insert into public.notes select n from generate_series(1, 1000) n");
    await superuser.query("vacuum analyze public.notes");
    const holder = await session("holder", "begin", "lock table public.notes");
    const started = Date.now();
    const plan = await readPlan(migrator, [notes, alters]);
    expect(Date.now() - started).toBeLessThan(2_000);
    expect(blockersOf(plan)).toMatchObject([{ application: "holder" }]);
    await holder.query("rollback");
    const free = await readPlan(migrator, [notes, alters]);
    const sizes = [plan, free].map(({ migrations }) => migrations[0]?.relations[0]?.bytes);
    // What the last vacuum counted leaves out the map of free space.
    expect(sizes[0]).toBeGreaterThan(0.5 * (sizes[1] ?? 0));
    expect(sizes[0]).toBeLessThanOrEqual(sizes[1] ?? 0);
  });

  it("of a concurrent index are writers and older snapshots, not readers or idle ones", async () => {
    await session("writer", "begin", "update public.notes set note = 'x'");
    await session("old", "begin isolation level repeatable read", "select 1");
    await session("idle", "begin", "select 1");
    await session("reader", "begin", "select count(*) from public.notes");
    const found = blockersOf(await readPlan(migrator, [notes, builds]));
    expect(found.map(({ application, locks }) => [application, locks.length]).sort()).toEqual([
      ["old", 0],
      ["writer", 1],
    ]);
    const plain = trio("001", "create index notes_note on public.notes (note);");
    const others = blockersOf(await readPlan(migrator, [notes, plain]));
    expect(others.map(({ application }) => application)).toEqual(["writer"]);
  });

  it("of a concurrent drop are the readers, too", async () => {
    await superuser.query("create index notes_note on public.notes (note)");
    await session("reader", "begin", "select count(*) from public.notes");
    const drops = trio("001", "drop index concurrently public.notes_note;");
    expect(blockersOf(await readPlan(migrator, [notes, drops]))).toMatchObject([
      { application: "reader", locks: [{ mode: "ACCESS SHARE" }] },
    ]);
  });

  it("are shown as far as the role may see them", async () => {
    await session("writer", "begin", "update public.notes set note = 'x'");
    await session("idle", "begin", "select 1");
    const reader = await createReader(fixture.database, superuser, ["pg_read_all_data"]);
    try {
      const hidden = { role: "migrator", state: null, ageSeconds: null };
      const little = blockersOf(await readPlan(reader.client, [notes, builds]));
      expect(little).toHaveLength(2);
      expect(little).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ ...hidden, application: "writer" }),
          // Whether it has a snapshot is hidden as well.
          expect.objectContaining({ ...hidden, application: "idle", locks: [] }),
        ]),
      );
      await superuser.query(`grant pg_read_all_stats to ${reader.name}`);
      const all = blockersOf(await readPlan(reader.client, [notes, builds]));
      expect(all).toMatchObject([{ application: "writer", state: "idle in transaction" }]);
    } finally {
      await reader.drop();
    }
  });
});
