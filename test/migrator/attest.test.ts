import type { Client } from "pg";
import { attest, attestationLifecycle } from "../../migrator/src";
import type { AttestationInputs, AttestationState } from "../../migrator/src";
import type { TestDatabase } from "../support/database";
import { type MigratorFixture, createFixture, createMigratedDatabase } from "./migration-fixture";

let migrated: TestDatabase;
let fixture: MigratorFixture;
let superuser: Client;
let inputs: AttestationInputs;

const { check, diff, create, update, read } = attestationLifecycle;
const switchedOff = "widened: row level security of public.users is switched off";

beforeAll(async () => {
  migrated = await createMigratedDatabase();
});
afterAll(() => migrated.drop());

beforeEach(async () => {
  fixture = await createFixture(migrated.name);
  superuser = await fixture.database.connect("postgres");
  inputs = { connection: fixture.settings, migrations: ["a", "b"] };
});
afterEach(() => fixture.database.drop());

/** What the engine would plan: the inputs as checked, and whether they differ from the state. */
async function preview(state: AttestationState) {
  const checked = await check({}, inputs);
  return { inputs: checked.inputs, changes: diff(state, checked.inputs).changes };
}

describe("attest", () => {
  it("holds facts, digest and drift, no comments, and of sources what rules read", async () => {
    const attestation = await attest(fixture.settings);
    expect(attestation.drift).toEqual([]);
    expect(attestation.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(attestation.serverVersion).toMatch(/^1[78]\./);
    expect(attestation.schema.tables.map(({ schema, name }) => `${schema}.${name}`)).toEqual([
      "migrations.journal",
      "migrations.log",
      "public.export_history",
      "public.sessions",
      "public.user_api_keys",
      "public.user_progress",
      "public.users",
    ]);
    const text = JSON.stringify(attestation);
    const withSource = attestation.schema.functions?.filter(({ source }) => source);
    expect(withSource?.map(({ schema, name }) => `${schema}.${name}`)).toEqual([
      "auth.uid",
      "public.update_export_history_updated_at",
      "public.update_user_api_keys_updated_at",
      "public.update_user_progress_from_session",
      "public.update_user_progress_updated_at",
    ]);
    expect(text).not.toContain("Personal data.");
    expect(text.length).toBeLessThan(28_000);
  });

  it("has no drift to tell of where the migrator was never at work", async () => {
    const empty = await createFixture();
    try {
      expect((await attest(empty.settings)).drift).toEqual([]);
    } finally {
      await empty.database.drop();
    }
  });

  it("does not wait for ever behind somebody who is changing a table", async () => {
    await superuser.query("begin; lock table public.users in access exclusive mode");
    await expect(attest(fixture.settings, { lockTimeoutMs: 200 })).rejects.toThrow(
      "MIG042 The catalog could not be read within 0.2 s: somebody is changing a table and holds it " +
        "locked. Wait for that to end (pg_stat_activity shows it), and try again.",
    );
    await superuser.query("rollback");
    expect((await attest(fixture.settings, { lockTimeoutMs: 200 })).drift).toEqual([]);
  });

  it("has another digest when a function's body is another", async () => {
    const define = (body: string) =>
      superuser.query(`create or replace function public.two() returns integer
        language sql set search_path = '' as '${body}'`);
    await define("select 2");
    const before = await attest(fixture.settings);
    await define("select 1 + 1");
    const after = await attest(fixture.settings);
    expect(after.digest).not.toBe(before.digest);
  });
});

describe("attestationLifecycle", () => {
  it("plans nothing while the catalog is as the migrations made it", async () => {
    const { outs } = await create(inputs);
    expect(outs).toMatchObject({ drift: [], healed: [], migrations: ["a", "b"] });
    expect((await preview(outs)).changes).toBe(false);
  });

  it("shows drift at preview, and heals it at the update", async () => {
    const { outs: before } = await create(inputs);
    await superuser.query("alter table public.users disable row level security");
    const plan = await preview(before);
    expect(plan.changes).toBe(true);
    expect(plan.inputs.drift).toEqual([switchedOff]);

    const { outs } = await update(plan.inputs);
    expect(outs.drift).toEqual([]);
    expect(outs.healed).toEqual(["row level security of public.users is switched off"]);
    expect(outs.digest).toBe(before.digest);
    expect((await preview(outs)).changes).toBe(false);
  });

  it("acceptance 5: shows drift at refresh in words, in outputs and inputs, so that the next update heals it", async () => {
    const { id, outs } = await create(inputs);
    await superuser.query("alter table public.users disable row level security");
    const refreshed = await read(id, outs);
    expect(refreshed.props.drift).toEqual([switchedOff]);
    expect(refreshed.inputs.drift).toEqual([switchedOff]);
    expect(refreshed.props.digest).not.toBe(outs.digest);
    expect(refreshed.props.attestedAt).toBe(outs.attestedAt);
    expect(Object.keys(refreshed.inputs).sort()).toEqual(
      Object.keys((await check({}, inputs)).inputs).sort(),
    );

    // The state is as drifted as the database, and the update is planned all the same.
    const plan = await preview(refreshed.props);
    expect(plan.changes).toBe(true);
    expect((await update(plan.inputs)).outs.digest).toBe(outs.digest);
  });

  it("fails while somebody may see more and it cannot be repaired from here", async () => {
    const { outs } = await create(inputs);
    await superuser.query("alter table public.users disable row level security");
    await superuser.query("create publication everything for all tables");
    await expect(update(inputs)).rejects.toThrow(
      "MIG041 The database lets somebody see or do more than the migrations say, in a way that cannot be " +
        "repaired from here:\n- publication everything was added by no migration. Look at it, then " +
        "undo it by hand or write it as a new migration.\nRepair it, or, where it is meant to be " +
        "so, accept it: `npx migrator repair --accept-drift --reason TEXT`. Repaired already: row level security " +
        "of public.users is switched off.",
    );
    await superuser.query("drop publication everything");
    expect((await update(inputs)).outs.digest).toBe(outs.digest);
  });

  it("goes on, and keeps saying so, while what differs lets nobody see more", async () => {
    await superuser.query("create index extra on public.users (created_at)");
    const { outs } = await create(inputs);
    expect(outs.drift).toEqual([
      "index public.extra was added by no migration: CREATE INDEX extra ON public.users USING btree (created_at)",
    ]);
    expect((await preview(outs)).changes).toBe(true);
  });

  it("leaves the facts out where the database cannot be reached", async () => {
    const { outs } = await create(inputs);
    const away = { ...inputs, connection: { ...fixture.settings, port: 1 } };
    const checked = await check({}, away);
    expect(checked).toEqual({ inputs: away, failures: [] });
    expect(diff({ ...outs, connection: away.connection }, checked.inputs).changes).toBe(false);
  });
});
