import { inspect } from "node:util";
import * as migrator from "../../migrator/src";
import type { Settings } from "./environments";
import { ADDRESS, migrationResources } from "./migration-resources";

const direct = {
  host: ADDRESS,
  port: 5432,
  tls: { mode: "verify-full", serverName: ADDRESS },
  database: "app",
  user: "migrator",
  credentials: { kind: "secret", secretId: "arn:of:database-roles-migrator-secret" },
};
const forwarded = { ...direct, host: "127.0.0.1", port: 6432 };
const tunnel = { "database.tunnel": "127.0.0.1:6432" };
const bastion = { ...tunnel, "database.bastion": "tag:Role=bastion" };
const transport = { kind: "tunnel", target: "tag:Role=bastion", region: "eu-central-1" };
const credentials = { kind: "iam", region: "eu-central-1", instancePort: 5432 };

describe("the connection of plan, migrations and attestation", () => {
  it.each<[string, Settings, object]>([
    ["direct", {}, direct],
    ["through a port-forward of somebody else's", tunnel, forwarded],
    ["through a bastion", bastion, { ...direct, transport }],
    ["direct, with a token", { "database.login": "iam" }, { ...direct, credentials }],
    [
      "through a bastion, with a token",
      { ...bastion, "database.login": "iam" },
      { ...direct, transport, credentials },
    ],
  ])("is the same for all: %s", async (_way, changes, expected) => {
    const found = await migrationResources("prod", changes);
    expect(found.map(({ type }) => type.replace(/^.*:/, "")).sort()).toEqual([
      "Migration",
      "Migration",
      "MigrationPlan",
      "SchemaAttestation",
    ]);
    for (const { inputs } of found) expect(inputs["connection"]).toEqual(expected);
  });

  it.each(["secret", "iam"])("holds neither password nor secret with %s", async (login) => {
    const found = await migrationResources("prod", { ...bastion, "database.login": login });
    const text = inspect(
      found.map(({ inputs }) => inputs),
      { depth: 20, maxStringLength: null },
    );
    expect(text).toContain("forwardSql");
    expect(text).not.toContain("password-of-database-roles");
    expect(text).not.toMatch(/X-Amz-|secret: /);
  });
});

describe("a migration that the plan finds pending", () => {
  it("is told after which entry of the log, and one that is applied is not", async () => {
    const found = await migrationResources("prod", {});
    const migrations = found.filter(({ type }) => type.endsWith(":Migration"));
    expect(
      migrations.map(({ inputs }) => [inputs["name"], inputs["pendingAfter"] ?? null]),
    ).toEqual([
      ["000_existing_schema", null],
      ["001_add_missing_tables", 7],
    ]);
  });
});

describe("the provider that the state keeps of a migration, plan and attestation", () => {
  it("is one line that asks the migrator", async () => {
    for (const { type, inputs } of await migrationResources("prod", {})) {
      const source = String(inputs["__provider"]);
      expect(source.split("\n")).toHaveLength(1);
      const { handler } = await load(source);
      const name = type.replace(/^.*:/, "") as keyof typeof migrator.providers;
      expect(handler()).toBe(migrator.providers[name]);
    }
  });

  /** As Pulumi's process for dynamic resources does. */
  async function load(source: string): Promise<{ handler: () => unknown }> {
    const exports = {} as { handler: () => unknown };
    const require = (name: string) => {
      if (name !== "@app-data/migrator") throw new Error(`asks for ${name}`);
      return migrator;
    };
    new Function("exports", "require", source)(exports, require);
    return exports;
  }
});
