import { applyPending, readHistory, rollbackTo } from "../../migrator/src";
import type { ConnectionSettings } from "../../migrator/src/database/settings";
import { withConnection } from "../../migrator/src/database/connection";
import { findDrift } from "../../migrator/src/judge/drift";
import { type MigratorFixture, createFixture, protectedTable } from "./migration-fixture";

const NOTES = protectedTable("000", "notes");
let fixture: MigratorFixture;
let asApp: ConnectionSettings;

beforeEach(async () => {
  fixture = await createFixture();
  process.env["APP_PASSWORD"] = fixture.database.password("app");
  asApp = {
    ...fixture.settings,
    user: "app",
    credentials: { kind: "environment", variable: "APP_PASSWORD" },
  };
});
afterEach(async () => {
  delete process.env["APP_PASSWORD"];
  await fixture.database.drop();
});

describe("a role that lacks a right", () => {
  const refusal = (what: string) =>
    `MIG078 The role app may not do this in database ${fixture.database.name}: permission denied for ${what}. ` +
    "To change anything, connect as the role that owns the database and what is in it; to read, one " +
    "that has pg_read_all_data is enough. `npx migrator preflight` shows what is missing.";

  it("is told what it may not, and who may", async () => {
    await expect(applyPending(asApp, [NOTES])).rejects.toThrow(
      refusal(`database ${fixture.database.name}`),
    );
    await applyPending(fixture.settings, [NOTES]);
    const schema = refusal("schema migrations");
    await expect(readHistory(asApp)).rejects.toThrow(schema);
    await expect(findDrift(asApp)).rejects.toThrow(schema);
    await expect(rollbackTo(asApp, undefined)).rejects.toThrow(schema);
    await expect(applyPending(asApp, [NOTES])).rejects.toThrow(schema);
  });
});

describe("a connection that breaks", () => {
  it("is told, with what has become of the work", async () => {
    const { database, host, port } = fixture.settings;
    const dying = withConnection(fixture.settings, (client) =>
      client.query("select pg_terminate_backend(pg_backend_pid())"),
    );
    await expect(dying).rejects.toThrow(
      `MIG079 The connection to database ${database} at ${host}:${port} broke: terminating connection due to ` +
        "administrator command. What was not committed is undone. Run it again: it goes on from what the log has.",
    );
  });

  it("is an error of the database otherwise, as the server says it", async () => {
    const failing = withConnection(fixture.settings, (client) => client.query("select 1 / 0"));
    await expect(failing).rejects.toThrow(/^division by zero$/);
  });
});

describe("a database without a log", () => {
  it("has nothing to undo", async () => {
    await expect(rollbackTo(fixture.settings, undefined)).resolves.toEqual([]);
    await expect(rollbackTo(fixture.settings, "000")).resolves.toEqual([]);
  });
});
