import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../../components/config";
import { VerifiedIdentity } from "../../components/verified-identity";
import { configOf, type Settings } from "./environments";
import { countTypes, only, record, type RecordedProgram, valueOf } from "./recorded-program";

const KEY = "random:index/randomBytes:RandomBytes";
const SETTINGS = "pulumi-nodejs:dynamic/database:TokenSettings";
const KEY_OF_MOCKS = "W22ZaJ0SNY7soEsUEjb6gQ==";
const host = "db.example";

function program(
  environment: Environment,
  changes: Settings = {},
): Promise<RecordedProgram<VerifiedIdentity>> {
  return record(environment, (options) => {
    const { identity: settings } = configOf(environment, changes);
    return new VerifiedIdentity(
      "verified-identity",
      {
        settings,
        connection: { host, port: 5432, tls: { mode: "verify-full", serverName: host } },
        databaseName: "learning",
        credentials: { kind: "secret", secretId: "arn:of:migrator" },
        migrations: new pulumi.ComponentResource("test:Migrations", "schema"),
        keyArn: pulumi.output("arn:of:key"),
        recoveryWindowDays: 7,
        tags: { Project: "app-data" },
      },
      options,
    );
  });
}

describe("VerifiedIdentity", () => {
  it("is these resources", async () => {
    expect(countTypes(await program("prod"))).toEqual({
      "app-data:database:VerifiedIdentity": 1,
      "aws:secretsmanager/secret:Secret": 1,
      "aws:secretsmanager/secretVersion:SecretVersion": 1,
      [KEY]: 1,
      [SETTINGS]: 1,
      "test:Migrations": 1,
    });
  });

  it("makes a key of 32 bytes, another for each generation", async () => {
    expect(only(await program("prod", { "identity.keyGeneration": 3 }), KEY).inputs).toEqual({
      length: 32,
      keepers: { generation: "3" },
    });
  });

  it("keeps the key in a secret under the stack's key, and out of everything else", async () => {
    const recorded = await program("prod");
    expect(only(recorded, "aws:secretsmanager/secret:Secret").inputs).toMatchObject({
      kmsKeyId: "arn:of:key",
      recoveryWindowInDays: 7,
      tags: { Project: "app-data" },
    });
    const version = only(recorded, "aws:secretsmanager/secretVersion:SecretVersion");
    expect(version.inputs["secretString"]).toEqual({
      secret: expect.stringContaining(KEY_OF_MOCKS),
    });
    const { inputs } = only(recorded, SETTINGS);
    expect(inputs).toMatchObject({ secretVersion: "version-of-verified-identity-secret" });
    expect(JSON.stringify(inputs)).not.toContain(KEY_OF_MOCKS);
  });

  it("puts another key in place when the migrations are through, just before the database", async () => {
    const { options } = await program("prod");
    expect(options.map(({ type, dependsOn }) => [type, dependsOn])).toEqual(
      expect.arrayContaining([
        ["aws:secretsmanager/secretVersion:SecretVersion", 1],
        [SETTINGS, 1],
      ]),
    );
  });

  it.each(["prepared", "required"])(
    "with tokens %s names the key, and tells the database so",
    async (tokens) => {
      const recorded = await program("dev", {
        "identity.tokens": tokens,
        "identity.audience": "learning-app",
      });
      const { inputs } = only(recorded, SETTINGS);
      expect(inputs).toMatchObject({ tokens, audience: "learning-app" });
      expect(await valueOf(recorded.result.tokenSecretArn)).toBe(inputs["secretArn"]);
    },
  );

  it("without tokens names no key, keeps it for the way back, and has the database forget it", async () => {
    const recorded = await program("prod", { "identity.tokens": "none" });
    expect(await valueOf(recorded.result.tokenSecretArn)).toBe("");
    expect(countTypes(recorded)).toEqual(countTypes(await program("prod")));
    expect(only(recorded, SETTINGS).inputs).toMatchObject({ tokens: "none" });
  });
});
