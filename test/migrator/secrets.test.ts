import { inspect } from "node:util";
import { type ConnectionSettings, applyMigration, attest, readHistory } from "../../migrator/src";
import { withConnection } from "../../migrator/src/database/connection";
import { readPlan } from "../../migrator/src/plan";
import { preflight, renderPreflight } from "../../migrator/src/preflight";
import { rollbackMigration } from "../../migrator/src/run/rollback";
import { settingsFromUrl } from "../../migrator/src/database/environment-url";
import { createSecret } from "../support/secrets";
import { listenWith } from "./server-fixture";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

const WRONG = "canary-wrong-password-never-to-be-seen";
const VARIABLE = "SECRETS_TEST_URL";

let fixture: MigratorFixture;
/** The password that opens the database: what must not be seen anywhere. */
let canary: string;

beforeAll(async () => {
  fixture = await createFixture();
  canary = fixture.database.password("migrator");
  process.env[VARIABLE] = fixture.database.url("migrator");
});
afterAll(async () => {
  Reflect.deleteProperty(process.env, VARIABLE);
  await fixture.database.drop();
});

/** Everything that a value shows by any means: as text, as JSON, and all its properties, hidden ones too. */
function everything(value: unknown): string {
  return [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null }),
  ].join("\n");
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error("It was to fail, and did not.");
    },
    (error: unknown) => error,
  );
}

/** Both ways to be told the password. */
function ways(): ConnectionSettings[] {
  return [fixture.settings, settingsFromUrl(VARIABLE)];
}

describe("the password", () => {
  it("is a canary that opens the database, and that the search would find", async () => {
    expect(canary.length).toBeGreaterThan(20);
    for (const settings of ways()) await expect(readHistory(settings)).resolves.toEqual([]);
    const careless = new Error("login failed", { cause: { hidden: { password: canary } } });
    expect(everything(careless)).toContain(canary);
  });

  it("is not in the settings, which the state keeps", () => {
    for (const settings of ways()) expect(everything(settings)).not.toContain(canary);
  });

  it("is in no failure", async () => {
    const secretId = await createSecret({ password: WRONG });
    const stranger = await listenWith("HTTP/1.1 400 Bad Request\r\n\r\n");
    const tls = { mode: "verify-full", serverName: "db.example.org" } as const;
    const broken = trio("000", "select 1 / (select count(*) - count(*) from pg_stat_activity)");
    const failures = await Promise.all(
      ways().flatMap((settings) => [
        failureOf(readHistory({ ...settings, port: 1 })),
        failureOf(readHistory({ ...settings, host: "no-such-host.invalid" })),
        failureOf(readHistory({ ...settings, host: stranger.host, port: stranger.port })),
        failureOf(readHistory({ ...settings, database: "nowhere" })),
        failureOf(readHistory({ ...settings, user: "app" })),
        failureOf(readHistory({ ...settings, tls })),
        failureOf(applyMigration(settings, broken)),
        failureOf(
          withConnection(settings, (client) =>
            client.query("select pg_terminate_backend(pg_backend_pid())"),
          ),
        ),
      ]),
    );
    await stranger.close();
    const credentials = { kind: "secret", secretId } as const;
    failures.push(await failureOf(readHistory({ ...fixture.settings, credentials })));
    expect(failures).toHaveLength(17);
    for (const failure of failures) {
      expect(everything(failure)).not.toContain(canary);
      expect(everything(failure)).not.toContain(WRONG);
    }
  });

  it("acceptance 14: is in no report, plan, attestation or preflight, and not in the database's log", async () => {
    const lines: string[] = [];
    const notes = protectedTable("000", "notes");
    const options = { lock: { report: (line: string) => lines.push(line) } };
    for (const settings of ways()) {
      const plan = await withConnection(settings, (client) => readPlan(client, [notes]));
      await applyMigration(settings, notes, options);
      const log = await readHistory(settings);
      const attestation = await attest(settings);
      const looked = await preflight(settings);
      await rollbackMigration(settings, notes, options);
      const seen = [lines, plan, log, attestation, looked, renderPreflight(looked)];
      for (const each of seen) expect(everything(each)).not.toContain(canary);
    }
    const superuser = await fixture.database.connect("postgres");
    const { rows } = await superuser.query("select l::text as entry from migrations.log l");
    expect(rows.length).toBeGreaterThanOrEqual(4);
    expect(everything(rows)).not.toContain(canary);
  });
});
