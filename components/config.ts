import * as pulumi from "@pulumi/pulumi";
import { demandSafeCombination } from "./config-rules";
import { ConfigReader, type Form } from "./config-reader";

/** What a stack is for. `local` runs against an AWS emulator and a PostgreSQL server on this machine. */
export type Environment = "local" | "dev" | "staging" | "prod";

/** An address that the stack connects to: host name or IP address (IPv6 without brackets), and port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** The stack's whole configuration, read and found valid. `Pulumi.yaml` says what each key means. */
export interface AppDataConfig {
  readonly environment: Environment;
  /** Whether Pulumi itself refuses to delete what holds data: true in `staging` and `prod`. */
  readonly protect: boolean;
  readonly network: {
    readonly cidrBlock: string;
    readonly availabilityZones: number;
    readonly logRetentionDays: number;
    readonly keyDeletionWindowDays: number;
  };
  readonly database: {
    readonly name: string;
    readonly instanceClass: string;
    readonly allocatedStorageGib: number;
    /** 0 when storage does not grow by itself. */
    readonly maxAllocatedStorageGib: number;
    readonly multiAz: boolean;
    readonly backupRetentionDays: number;
    readonly deletionProtection: boolean;
    readonly finalSnapshot: boolean;
    readonly performanceInsights: boolean;
    /** 0 when the operating system under the database is not measured. */
    readonly monitoringIntervalSeconds: number;
    readonly publiclyAccessible: boolean;
    readonly logRetentionDays: number;
    readonly keyDeletionWindowDays: number;
    /** 0 when a deleted secret is gone at once. */
    readonly secretRecoveryWindowDays: number;
    readonly appConnectionLimit: number;
    /** `role:NAME` or `database:NAME` for what the server has and the state does not know. */
    readonly adopt: readonly string[];
    /** Where a port-forward listens, undefined when the instance is dialled at its own address. */
    readonly tunnel: Endpoint | undefined;
    /** Instance id, or `tag:NAME=VALUE`, that migrations open a port-forward through, undefined for none. */
    readonly bastion: string | undefined;
    /** How the migrator logs in. */
    readonly login: "secret" | "iam";
    /** ARN or name of the master's secret, undefined for the one that RDS manages. */
    readonly masterSecret: string | undefined;
    /** False in `local` alone, whose server is reached over the loopback interface. */
    readonly verifyTls: boolean;
  };
  readonly identity: {
    /** Whether signed tokens are known to the database, and whether it believes anything else. */
    readonly tokens: "none" | "prepared" | "required";
    readonly audience: string;
    /** Another number makes another key; the one before goes on being accepted. */
    readonly keyGeneration: number;
  };
  readonly apiKeys: {
    /** Numbers of the keys that there are; the first is written with. */
    readonly keyGenerations: readonly [number, ...number[]];
    readonly deletionWindowDays: number;
    readonly administrators: readonly string[];
    readonly users: readonly string[];
  };
  readonly exports: {
    readonly expirationDays: number;
    readonly noncurrentExpirationDays: number;
    readonly presignedUrlMaxAgeMinutes: number;
    readonly keyDeletionWindowDays: number;
    /** Whether the bucket's policy refuses unsafe requests: false in `local` at most. */
    readonly requestPolicy: boolean;
    /** Whether the bucket carries the stack's tags: false in `local` at most. */
    readonly bucketTags: boolean;
    readonly forceDestroy: boolean;
  };
  readonly migrations: {
    /** Folder of the SQL files, relative to the project. */
    readonly directory: string;
    /** Three digits of the newest migration to have, undefined for all. */
    readonly target: string | undefined;
    readonly allowDataLoss: boolean;
    /** Hash of the plan that the deployment is held to, undefined when any will do. */
    readonly approvedPlan: string | undefined;
    /** How many snapshots to keep of those taken before data is deleted; 0 takes none. */
    readonly snapshotsKept: number;
  };
}

const CIDR_BLOCK: Form = {
  pattern: /^(10|172|192)(\.\d{1,3}){3}\/(1[6-9]|2[0-4])$/,
  words: "a private IPv4 block from /16 to /24, such as 10.0.0.0/16",
};
const DATABASE_NAME: Form = {
  pattern: /^(?!(?:postgres|rdsadmin|template\d)$)[a-z_][a-z0-9_]{0,62}$/,
  words:
    "1 to 63 lower-case letters, digits and underscores, not starting with a digit, " +
    "and not one of PostgreSQL's own databases",
};
const ADOPTED: Form = { pattern: /^(?:role|database):./, words: "role:NAME or database:NAME" };
const INSTANCE_CLASS: Form = {
  pattern: /^db\.[a-z0-9-]+\.[a-z0-9]+$/,
  words: "an RDS instance class, such as db.t4g.small",
};
const TUNNEL: Form = {
  pattern: /^$|^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9.-]*):[1-9]\d{0,4}$/,
  words: 'host:port, such as 127.0.0.1:6432, or "" for none',
};
const BASTION: Form = {
  pattern: /^$|^m?i-[0-9a-f]{8,17}$|^tag:[\w .:/+@-]{1,128}=[\w .:/=+@-]{1,256}$/,
  words: 'an instance id (i-… or mi-…), tag:NAME=VALUE, or "" for none',
};
const SECRET: Form = {
  pattern: /^[\w/+=.@:-]*$/,
  words: 'the ARN or name of a secret, or "" for the one that RDS manages',
};
const AUDIENCE: Form = {
  pattern: /^[!-~]{1,200}$/,
  words: "1 to 200 ASCII characters without spaces, such as app-data",
};
const PRINCIPAL: Form = {
  // Not the account's root: it would let every identity policy of the account in.
  pattern: /^arn:aws[a-z-]*:iam::\d{12}:(?:role|user)\/[\w+=,.@/-]+$/,
  words: "the ARN of an IAM role or user",
};
const DIRECTORY: Form = { pattern: /^[\w./-]+$/, words: "a path of letters, digits and _ . / -" };
const TARGET: Form = {
  pattern: /^(?:\d{3,18})?$/,
  words: 'three digits or more, such as "001", or "" for all',
};
const PLAN_HASH: Form = {
  pattern: /^(?:[0-9a-f]{64})?$/,
  words: 'the 64 hexadecimal digits that `npx migrator plan` prints, or "" for any plan',
};
const KEY_DELETION_DAYS = [7, 30] as const;

/**
 * Reads the whole configuration once and checks each value and what they mean together.
 *
 * @throws ConfigError with a line `CFG… key = value: rule` for every rule broken.
 */
export function readConfig(config: pulumi.Config): AppDataConfig {
  const reader = new ConfigReader(config);
  const environment = reader.oneOf("environment", ["local", "dev", "staging", "prod"]);
  const result: AppDataConfig = {
    environment,
    protect: environment === "staging" || environment === "prod",
    network: {
      cidrBlock: reader.text("network.cidrBlock", CIDR_BLOCK),
      availabilityZones: reader.integer("network.availabilityZones", 2, 6),
      logRetentionDays: reader.integer("network.logRetentionDays", 1, 3653),
      keyDeletionWindowDays: reader.integer("network.keyDeletionWindowDays", ...KEY_DELETION_DAYS),
    },
    database: {
      name: reader.text("database.name", DATABASE_NAME),
      instanceClass: reader.text("database.instanceClass", INSTANCE_CLASS),
      allocatedStorageGib: reader.integer("database.allocatedStorageGib", 20, 65_536),
      maxAllocatedStorageGib: reader.integer("database.maxAllocatedStorageGib", 0, 65_536),
      multiAz: reader.boolean("database.multiAz"),
      // Zero would switch off backups and with them point-in-time recovery.
      backupRetentionDays: reader.integer("database.backupRetentionDays", 1, 35),
      deletionProtection: reader.boolean("database.deletionProtection"),
      finalSnapshot: reader.boolean("database.finalSnapshot"),
      performanceInsights: reader.boolean("database.performanceInsights"),
      monitoringIntervalSeconds: reader.integer("database.monitoringIntervalSeconds", 0, 60),
      publiclyAccessible: reader.boolean("database.publiclyAccessible"),
      logRetentionDays: reader.integer("database.logRetentionDays", 1, 3653),
      keyDeletionWindowDays: reader.integer("database.keyDeletionWindowDays", ...KEY_DELETION_DAYS),
      secretRecoveryWindowDays: reader.integer("database.secretRecoveryWindowDays", 0, 30),
      appConnectionLimit: reader.integer("database.appConnectionLimit", 1, 5000),
      adopt: reader.list("database.adopt", ADOPTED),
      tunnel: parseEndpoint(reader.text("database.tunnel", TUNNEL)),
      bastion: reader.text("database.bastion", BASTION) || undefined,
      login: reader.oneOf("database.login", ["secret", "iam"]),
      masterSecret: reader.text("database.masterSecret", SECRET) || undefined,
      verifyTls: environment !== "local",
    },
    identity: {
      tokens: reader.oneOf("identity.tokens", ["none", "prepared", "required"]),
      audience: reader.text("identity.audience", AUDIENCE),
      keyGeneration: reader.integer("identity.keyGeneration", 1, 1_000_000),
    },
    apiKeys: {
      keyGenerations: reader.integers("apiKeys.keyGenerations", 1, 1_000_000),
      deletionWindowDays: reader.integer("apiKeys.deletionWindowDays", ...KEY_DELETION_DAYS),
      administrators: reader.list("apiKeys.administrators", PRINCIPAL),
      users: reader.list("apiKeys.users", PRINCIPAL),
    },
    exports: {
      expirationDays: reader.integer("exports.expirationDays", 1, 365),
      noncurrentExpirationDays: reader.integer("exports.noncurrentExpirationDays", 1, 90),
      // A URL presigned with Signature Version 4 lives seven days at most.
      presignedUrlMaxAgeMinutes: reader.integer("exports.presignedUrlMaxAgeMinutes", 1, 10_080),
      keyDeletionWindowDays: reader.integer("exports.keyDeletionWindowDays", ...KEY_DELETION_DAYS),
      requestPolicy: reader.boolean("exports.requestPolicy"),
      bucketTags: reader.boolean("exports.bucketTags"),
      forceDestroy: reader.boolean("exports.forceDestroy"),
    },
    migrations: {
      directory: reader.text("migrations.directory", DIRECTORY),
      target: reader.text("migrations.target", TARGET) || undefined,
      allowDataLoss: reader.boolean("migrations.allowDataLoss"),
      approvedPlan: reader.text("migrations.approvedPlan", PLAN_HASH) || undefined,
      // RDS keeps at most 100 manual snapshots of an account and region.
      snapshotsKept: reader.integer("migrations.snapshotsKept", 0, 50),
    },
  };
  demandSafeCombination(result, reader);
  reader.finish();
  return result;
}

function parseEndpoint(text: string): Endpoint | undefined {
  const colon = text.lastIndexOf(":");
  if (colon < 1) return undefined;
  return {
    host: text.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(text.slice(colon + 1)),
  };
}
