import type { Client } from "pg";
import { applyMigration, applyPending, rollbackTo } from "../../migrator/src";
import { findDrift } from "../../migrator/src/judge/drift";
import { repair } from "../../migrator/src/run/repair";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

const NOTES = protectedTable("000", "notes");
const TOPICS = trio(
  "001",
  `${protectedTable("001", "topics").forward.sql}alter table public.notes add column topic integer;
create policy notes_own on public.notes to migrator using (true) with check (true);
`,
  {
    rollback: `drop policy if exists notes_own on public.notes;
alter table public.notes drop column if exists topic;
drop table if exists public.topics;
`,
  },
);

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  await applyPending(fixture.settings, [NOTES, TOPICS]);
});
afterEach(() => fixture.database.drop());

const drift = async () => (await findDrift(fixture.settings)).map(({ what }) => what);
const markRolledBack = () =>
  repair(
    fixture.settings,
    { kind: "mark-rolled-back", version: "001" },
    { reason: "undone with psql" },
  );

describe("a migration that somebody has undone by hand", () => {
  beforeEach(async () => {
    await superuser.query(TOPICS.rollback.sql);
    expect((await drift()).length).toBeGreaterThan(2);
  });

  it.each([
    ["marked as rolled back", markRolledBack],
    ["rolled back", () => rollbackTo(fixture.settings, "000")],
  ])("is expected no more once it is %s, and can be applied again", async (_how, undo) => {
    await undo();
    expect(await drift()).toEqual([]);
    await applyPending(fixture.settings, [NOTES, TOPICS]);
    expect(await drift()).toEqual([]);
    await superuser.query("drop table public.topics");
    expect(await drift()).toEqual(["table public.topics is gone"]);
  });

  it("leaves what else was changed by hand as drift", async () => {
    await superuser.query("alter table public.notes add column by_hand text");
    await superuser.query("create schema by_hand");
    await markRolledBack();
    expect(await drift()).toEqual(
      expect.arrayContaining([
        "column by_hand (text) was added to public.notes by no migration",
        expect.stringMatching(/^schema by_hand /),
      ]),
    );
  });
});

describe("a migration that is marked as rolled back while it is there", () => {
  it("stays expected as it is", async () => {
    await markRolledBack();
    expect(await drift()).toEqual([]);
    await applyMigration(fixture.settings, {
      ...TOPICS,
      forward: { ...TOPICS.forward, sql: "select 1;" },
    });
    expect(await drift()).toEqual([]);
  });
});
