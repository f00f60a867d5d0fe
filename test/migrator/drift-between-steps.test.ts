import type { Client } from "pg";
import { applyMigration, applyPending, readHistory, rollbackTo } from "../../migrator/src";
import { findDrift } from "../../migrator/src/judge/drift";
import { acceptDrift } from "../../migrator/src/run/repair";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

const NOTES = protectedTable("000", "notes");
const STEPS = `alter table public.notes add column more text;
create index concurrently notes_more on public.notes (more);
select 1 / 0;
alter table public.notes add column last text;
`;
const UNDO = {
  rollback:
    "drop index public.notes_more; alter table public.notes drop column more, drop column if exists last;",
};
const HALF = trio("001", STEPS, UNDO);
const CORRECTED = trio("001", STEPS.replace("1 / 0", "1 / 1"), UNDO);
const ADDED = "column by_hand (text) was added to public.notes by no migration";
const escaped = (text: string) => text.replace(/[().]/g, "\\$&");

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  await applyMigration(fixture.settings, NOTES);
  await expect(applyMigration(fixture.settings, HALF)).rejects.toThrow(/^MIG005 .*SQLSTATE 22012/);
});
afterEach(() => fixture.database.drop());

const drift = async () => (await findDrift(fixture.settings)).map(({ what }) => what);
const state = async () => (await readHistory(fixture.settings)).map(({ event }) => event);

describe("what is changed by hand while a migration is half applied", () => {
  it("is none while nobody changes anything: what the steps did is no drift", async () => {
    expect(await state()).toEqual(["apply", "begin apply"]);
    expect(await drift()).toEqual([]);
    await applyMigration(fixture.settings, CORRECTED);
    expect(await drift()).toEqual([]);
    await rollbackTo(fixture.settings, "000");
    expect(await drift()).toEqual([]);
  });

  it("is told at once, and does not count as the migration's own", async () => {
    await superuser.query("create schema by_hand");
    const byHand = await drift();
    expect(byHand).toEqual([expect.stringMatching(/^schema by_hand .*was added by no migration/)]);
    await applyMigration(fixture.settings, CORRECTED);
    expect(await state()).toEqual(["apply", "apply"]);
    expect(await drift()).toEqual(byHand);
  });

  it("keeps the next step from changing the same object, until it is undone", async () => {
    await superuser.query("alter table public.notes add column by_hand text");
    expect(await drift()).toEqual([ADDED]);
    await expect(applyMigration(fixture.settings, CORRECTED)).rejects.toThrow(
      new RegExp(`^MIG076 001_test was not committed: it changes .*\\n- ${escaped(ADDED)}`),
    );
    expect(await state()).toEqual(["apply", "begin apply"]);
    await superuser.query("alter table public.notes drop column by_hand");
    await applyMigration(fixture.settings, CORRECTED);
    expect(await drift()).toEqual([]);
  });

  it("is part of it once it is accepted", async () => {
    await superuser.query("alter table public.notes add column by_hand text");
    expect(await acceptDrift(fixture.settings, { reason: "wanted" })).toEqual([ADDED]);
    expect(await drift()).toEqual([]);
    await applyMigration(fixture.settings, CORRECTED);
    expect(await drift()).toEqual([]);
    await superuser.query("alter table public.notes drop column by_hand");
    expect(await drift()).toHaveLength(1);
  });

  it("is repaired by the next run, once the migration is done", async () => {
    await superuser.query("create role drifted nologin");
    try {
      await superuser.query("grant usage on schema public to drifted");
      const [granted] = await drift();
      expect(granted).toContain("drifted");
      await applyMigration(fixture.settings, CORRECTED);
      expect(await drift()).toEqual([granted]);
      await applyPending(fixture.settings, [NOTES, CORRECTED, trio("002", "select 1;")]);
      expect(await drift()).toEqual([]);
    } finally {
      await superuser.query("drop owned by drifted; drop role drifted");
    }
  });

  it("is still drift after what was half applied is undone", async () => {
    await superuser.query("create schema by_hand");
    const byHand = await drift();
    await rollbackTo(fixture.settings, "000");
    expect(await drift()).toEqual(byHand);
    const { rows } = await superuser.query("select to_regclass('public.notes_more') as index");
    expect(rows).toEqual([{ index: null }]);
  });
});

describe("a first migration of several steps", () => {
  it("is taken to have made all that is there, as one of one step is", async () => {
    const other = await createFixture();
    try {
      const steps = trio(
        "000",
        `${NOTES.forward.sql}create index concurrently notes_note on public.notes (note);
comment on table public.notes is 'Notes.';
`,
      );
      await applyMigration(other.settings, steps);
      expect(await findDrift(other.settings)).toEqual([]);
      const owner = await other.database.connect("migrator");
      await owner.query("drop index public.notes_note");
      expect((await findDrift(other.settings)).map(({ object }) => object)).toEqual([
        "index public.notes_note",
      ]);
    } finally {
      await other.database.drop();
    }
  });
});
