import { applyPending, readHistory } from "../../migrator/src";
import type { ConnectionSettings } from "../../migrator/src/database/settings";
import { preflight } from "../../migrator/src/preflight";
import { type PgBouncer, isPgBouncerInstalled, startPgBouncer } from "../support/pgbouncer";
import { type MigratorFixture, createFixture, protectedTable } from "./migration-fixture";

let fixture: MigratorFixture;
let pooler: PgBouncer | undefined;

beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(async () => {
  await pooler?.stop();
  await fixture.database.drop();
});

/** Starts a PgBouncer before the database. @returns how it is reached through that. */
async function throughPooler(mode: string, settings?: string): Promise<ConnectionSettings> {
  const { database } = fixture;
  const logins = { migrator: database.password("migrator") };
  pooler = await startPgBouncer({ database, logins, mode, ...(settings && { settings }) });
  return { ...fixture.settings, port: pooler.port };
}

async function sessionStep(settings: ConnectionSettings) {
  const { ok, steps } = await preflight(settings);
  return { ok, ...steps.find(({ name }) => name === "session") };
}

(isPgBouncerInstalled ? describe : describe.skip)("a pooler", () => {
  it.each([
    ["transaction", ""],
    ["transaction", "default_pool_size = 1"],
    ["transaction", "server_round_robin = 1\nmin_pool_size = 3"],
  ])("in %s mode is refused, with the reason, before anything runs: %s", async (mode, more) => {
    const settings = await throughPooler(mode, more);
    const refusal =
      /^MIG038 Between here and database \S+ at 127\.0\.0\.1:\d+ is a pooler that lends a session of the server for one transaction/;
    await expect(applyPending(settings, [protectedTable("000", "notes")])).rejects.toThrow(refusal);
    await expect(readHistory(settings)).rejects.toThrow(refusal);
    expect(await sessionStep(settings)).toMatchObject({
      ok: false,
      detail: "a pooler's, lent for a transaction",
      remedy:
        "Connect to the server itself, or to a pool in session mode (with Supabase: port 5432 in place of 6543).",
    });
    const superuser = await fixture.database.connect("postgres");
    const { rows } = await superuser.query(
      "select to_regclass('public.notes') as notes, (select count(*)::integer from pg_locks where locktype = 'advisory') as locks",
    );
    expect(rows).toEqual([{ notes: null, locks: 0 }]);
  });

  it("in session mode serves", async () => {
    const settings = await throughPooler("session");
    expect(await sessionStep(settings)).toMatchObject({
      detail: "a pooler's, lent for the connection",
    });
    const applied = await applyPending(settings, [protectedTable("000", "notes")]);
    expect(applied).toHaveLength(1);
    expect(await readHistory(settings)).toHaveLength(1);
  });
});
