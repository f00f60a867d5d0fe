import { randomUUID } from "node:crypto";
import { S3 } from "@aws-sdk/client-s3";
import { KMS } from "@aws-sdk/client-kms";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import type { ClientBase } from "pg";
import { type AppData, connect } from "../../src/app-data";
import type { Settings } from "../../src/settings";
import { applyThrough } from "../sql/sql-files";
import { createDatabase, type LoginRole, type TestDatabase } from "../support/database";

/** A database with the project's migrations, and what the library needs to use it. */
export interface ClientDatabase extends TestDatabase {
  /** Settings for the login `app`. */
  settings: Settings;
  /** The key that encrypts the exports; its ARN. */
  exportsKeyArn: string;
  /** A secret of the emulator with a login; `password` in place of the role's own. */
  secretOf(role: LoginRole, password?: string): Promise<string>;
  /** Connects, and closes with the database at the latest. */
  open(given?: Partial<Settings>): Promise<AppData>;
}

/** A key of the emulator; its ARN. */
export async function createKey(): Promise<string> {
  const kms = new KMS({});
  const { KeyMetadata } = await kms.createKey({});
  kms.destroy();
  if (KeyMetadata?.Arn === undefined) throw new Error("The emulator gave the key no ARN.");
  return KeyMetadata.Arn;
}

/** A bucket with versions and a KMS key, as the stack's; moto forgets it with the tests. */
async function createExportsBucket(keyArn: string): Promise<string> {
  const client = new S3({ forcePathStyle: true });
  const Bucket = `exports-${randomUUID()}`;
  const LocationConstraint = "eu-central-1";
  await client.createBucket({ Bucket, CreateBucketConfiguration: { LocationConstraint } });
  await client.putBucketVersioning({
    Bucket,
    VersioningConfiguration: { Status: "Enabled" },
  });
  await client.putBucketEncryption({
    Bucket,
    ServerSideEncryptionConfiguration: {
      Rules: [
        {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: keyArn },
          BucketKeyEnabled: true,
        },
      ],
    },
  });
  client.destroy();
  return Bucket;
}

/** Resolves once a transaction of the client's database waits for another. */
export async function someoneWaits(client: ClientBase): Promise<void> {
  const waits =
    "select from pg_stat_activity where datname = current_database() " +
    "and cardinality(pg_blocking_pids(pid)) > 0";
  while ((await client.query(waits)).rowCount === 0) continue;
}

/** Creates it; the emulator of `start-servers.ts` keeps its secrets. */
export async function createClientDatabase(): Promise<ClientDatabase> {
  const database = await createDatabase();
  await applyThrough(await database.connect("migrator"), "007_vault_and_erasure");
  const secrets = new SecretsManagerClient({});
  const made: string[] = [];
  const opened: AppData[] = [];
  const secretOf = async (role: LoginRole, password = database.password(role)) => {
    const { ARN } = await secrets.send(
      new CreateSecretCommand({
        Name: `${database.name}/${role}/${made.length}`,
        SecretString: JSON.stringify({
          host: database.host,
          port: database.port,
          dbname: database.name,
          username: role,
          password,
        }),
      }),
    );
    if (ARN === undefined) throw new Error("The emulator gave the secret no ARN.");
    made.push(ARN);
    return ARN;
  };
  const exportsKeyArn = await createKey();
  const settings: Settings = {
    appSecretArn: await secretOf("app"),
    databaseLogin: "password",
    databaseTls: "off",
    region: process.env["AWS_REGION"] ?? "eu-central-1",
    apiKeysKeyArn: await createKey(),
    apiKeysOtherKeyArns: [],
    apiKeysContext: { app: "app-data", environment: "test", purpose: "api-key" },
    exportsBucket: await createExportsBucket(exportsKeyArn),
    endpoint: process.env["AWS_ENDPOINT_URL"],
    poolSize: 5,
    deadlineMs: 30_000,
    openTables: [],
  };
  return {
    ...database,
    settings,
    exportsKeyArn,
    secretOf,
    async open(given) {
      const data = await connect({ ...settings, ...given });
      opened.push(data);
      return data;
    },
    async drop() {
      await Promise.all(opened.map((data) => data.close()));
      for (const SecretId of made) {
        await secrets.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
      }
      secrets.destroy();
      await database.drop();
    },
  };
}
