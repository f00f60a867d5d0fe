import type { Client } from "pg";
import {
  applyMigration,
  applyPending,
  attestationLifecycle,
  readHistory,
  rollbackMigration,
} from "../../migrator/src";
import { findDrift } from "../../migrator/src/judge/drift";
import { reachPlan, renderPlan } from "../../migrator/src/plan";
import { acceptDrift } from "../../migrator/src/run/repair";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

const ALTER = "alter table public.notes add column more text;";

describe("drift before a migration", () => {
  const notes = protectedTable("000", "notes");
  const change = trio("001", ALTER, { rollback: "alter table public.notes drop column more;" });
  let fixture: MigratorFixture;
  let superuser: Client;

  beforeEach(async () => {
    fixture = await createFixture();
    superuser = await fixture.database.connect("postgres");
    await applyMigration(fixture.settings, notes);
  });
  afterEach(() => fixture.database.drop());

  const drift = async () => (await findDrift(fixture.settings)).map(({ what }) => what);
  const events = async () => {
    const { rows } = await superuser.query<{ line: string }>(
      "select event || ' ' || version as line from migrations.log order by id",
    );
    return rows.map(({ line }) => line);
  };
  const columns = async () => {
    const { rows } = await superuser.query<{ name: string }>(
      "select attname as name from pg_attribute where attrelid = 'public.notes'::regclass and attnum > 0 order by attnum",
    );
    return rows.map(({ name }) => name);
  };

  it("is repaired first, and not taken for what the migration made", async () => {
    await superuser.query("alter table public.notes disable row level security");
    await superuser.query("grant truncate on public.notes to authenticated");
    const said: string[] = [];
    await applyPending(fixture.settings, [notes, change], { report: (line) => said.push(line) });
    expect(said).toEqual([
      "Repaired drift: authenticated was granted TRUNCATE on public.notes",
      "Repaired drift: row level security of public.notes is switched off",
      "001_test: applying (1 of 1)",
    ]);
    expect(await drift()).toEqual([]);
    expect(await events()).toEqual(["apply 000", "heal 000", "apply 001"]);
    const { rows } = await superuser.query(
      "select relrowsecurity, has_table_privilege('authenticated', oid, 'truncate') as truncates from pg_class where oid = 'public.notes'::regclass",
    );
    expect(rows).toEqual([{ relrowsecurity: true, truncates: false }]);
  });

  it("is shown by the plan, with what becomes of it", async () => {
    await superuser.query("grant truncate on public.notes to authenticated");
    await superuser.query("alter table public.notes add column by_hand text");
    const plan = await reachPlan(fixture.settings, [notes, change]);
    expect(plan.drift.map(({ healable }) => healable)).toEqual([true, false]);
    expect(renderPlan(plan).split("\n").slice(1, 4)).toEqual([
      "Drift, repaired first: authenticated was granted TRUNCATE on public.notes.",
      "Drift, which a migration may not change: column by_hand (text) was added to public.notes by no migration. " +
        "Undo it by hand, or write it as a new migration.",
      "",
    ]);
    expect((await reachPlan(fixture.settings, [notes])).drift).toEqual([]);
  });

  it("that cannot be repaired keeps the object from being changed, until it is accepted", async () => {
    await superuser.query("alter table public.notes add column by_hand text");
    const byHand = "column by_hand (text) was added to public.notes by no migration";
    await expect(applyMigration(fixture.settings, change)).rejects.toThrow(
      "MIG076 001_test was not committed: it changes what is not as the migrations made it, and " +
        `would be taken for theirs:\n- ${byHand}. Undo it by hand, or write it as a new migration.\n` +
        "Repair it, or, where it is meant to be so, accept it: `npx migrator repair --accept-drift --reason TEXT`.",
    );
    expect(await columns()).toEqual(["id", "note", "by_hand"]);
    expect(await drift()).toEqual([byHand]);

    await acceptDrift(fixture.settings, { reason: "wanted" });
    await applyMigration(fixture.settings, change);
    expect(await columns()).toEqual(["id", "note", "by_hand", "more"]);
    expect(await drift()).toEqual([]);
  });

  it("that cannot be repaired stays drift beside a migration that changes something else", async () => {
    await superuser.query(
      "create function public.peek() returns int language sql set search_path = '' as 'select 1'",
    );
    const topics = protectedTable("001", "topics");
    await applyMigration(fixture.settings, topics);
    const [found] = await findDrift(fixture.settings);
    expect(found).toMatchObject({ object: "function public.peek()", classification: "widened" });
    // A widening is not to be had by a migration that happens to touch it, either.
    const replace = trio("002", "comment on function public.peek() is 'ours';");
    await superuser.query("alter function public.peek() owner to migrator");
    await expect(applyMigration(fixture.settings, replace)).rejects.toThrow(
      /^MIG076 002_test was not committed: it changes .*\n- function public\.peek\(\) was added by no migration/,
    );
    await expect(
      attestationLifecycle.create({ connection: fixture.settings, migrations: [] }),
    ).rejects.toThrow(/^MIG041 .*\n- function public\.peek\(\) was added by no migration/);
  });

  it("that cannot be repaired keeps a migration of several steps from beginning", async () => {
    await superuser.query("alter table public.notes add column by_hand text");
    const steps = trio("001", "create index concurrently notes_note on public.notes (note, id);");
    await expect(applyMigration(fixture.settings, steps)).rejects.toThrow(
      /^MIG076 001_test was not begun: it has several steps, beside what is not as the migrations made it, and would be taken for theirs:\n- column by_hand \(text\) was added to public\.notes by no migration/,
    );
    expect((await readHistory(fixture.settings)).map(({ name }) => name)).toEqual(["000_test"]);
    await superuser.query("alter table public.notes drop column by_hand");
    await applyMigration(fixture.settings, steps);
    expect(await drift()).toEqual([]);
  });

  it("is repaired before a rollback, too", async () => {
    await applyMigration(fixture.settings, change);
    await superuser.query("grant truncate on public.notes to authenticated");
    await rollbackMigration(fixture.settings, change);
    expect(await drift()).toEqual([]);
    expect(await events()).toEqual(["apply 000", "apply 001", "heal 001", "rollback 001"]);
  });
});
