import * as pulumi from "@pulumi/pulumi";
import { ApiKeyEncryption } from "./components/api-key-encryption";
import { readConfig } from "./components/config";
import { Database } from "./components/database";
import { DatabaseRoles } from "./components/database-roles";
import { ExportStorage } from "./components/export-storage";
import { Migrations } from "./components/migrations";
import { Network } from "./components/network";
import { stackTags } from "./components/tags";
import { VerifiedIdentity } from "./components/verified-identity";

const config = readConfig(new pulumi.Config());
const { environment, protect } = config;
const tags = stackTags(environment);

const network = new Network("network", { ...config.network, protect, tags });
const database = new Database("database", {
  subnetIds: network.subnetIds,
  securityGroupId: network.databaseSecurityGroupId,
  settings: config.database,
  protect,
  tags,
});
const roles = new DatabaseRoles("database-roles", {
  connection: database.connection,
  applicationEndpoint: database.applicationEndpoint,
  region: database.region,
  masterSecretArn: database.masterSecretArn,
  keyArn: database.keyArn,
  settings: config.database,
  requireTokens: config.identity.tokens === "required",
  protect,
  tags,
});
const apiKeys = new ApiKeyEncryption("api-key-encryption", {
  environment,
  settings: config.apiKeys,
  protect,
  tags,
});
const exportStorage = new ExportStorage("export-storage", {
  settings: config.exports,
  protect,
  tags,
});
const schema = new Migrations("migrations", {
  ...config.migrations,
  connection: database.migratorConnection,
  databaseName: roles.databaseName,
  credentials: roles.migratorCredentials,
  connectRoles: ["app", "service", "monitor"],
  environment,
  instanceIdentifier: database.instanceIdentifier,
});
const identity = new VerifiedIdentity("verified-identity", {
  settings: config.identity,
  connection: database.migratorConnection,
  databaseName: roles.databaseName,
  credentials: roles.migratorCredentials,
  migrations: schema,
  keyArn: database.keyArn,
  recoveryWindowDays: config.database.secretRecoveryWindowDays,
  tags,
});

/** Network of the database. */
export const vpcId = network.vpcId;
/** Security group that lets its members connect to the database. */
export const clientSecurityGroupId = network.clientSecurityGroupId;
/** Where the stack connects: a tunnel, or the instance itself. */
export const databaseHost = roles.connection.host;
export const databasePort = roles.connection.port;
export const databaseName = roles.databaseName;
/** Host name of the RDS instance. */
export const databaseAddress = database.address;
/** What `rds-db:connect` names: dbuser:<this>/migrator, for `database.login: iam`. */
export const databaseResourceId = database.resourceId;
/** Secrets of the logins: JSON with `username` and `password`. */
export const migratorSecretArn = roles.migratorSecretArn;
export const appSecretArn = roles.appSecretArn;
export const serviceSecretArn = roles.serviceSecretArn;
export const monitorSecretArn = roles.monitorSecretArn;
/** Whether the database demands tokens: `none`, `prepared` or `required`. */
export const identityTokens = config.identity.tokens;
/** Secret of the key that users' tokens are signed with, and what they are for; "" without tokens. */
export const tokenSecretArn = identity.tokenSecretArn;
export const tokenAudience = config.identity.tokens === "none" ? "" : config.identity.audience;
/** Key for API keys, its other generations, and the fixed part of the encryption context they demand. */
export const apiKeysKeyArn = apiKeys.keyArn;
export const apiKeysOtherKeyArns = apiKeys.otherKeyArns;
export const apiKeysEncryptionContext = apiKeys.encryptionContext;
/** Bucket of the exports. */
export const exportsBucket = exportStorage.bucketName;
/** Migrations that are applied, in order, and the digest of the catalog after them. */
export const migrations = schema.applied;
export const catalogDigest = schema.catalogDigest;
/** Snapshot that the last deployment took before it deleted data, "" when none was needed. */
export const migrationSnapshot = schema.snapshot;
