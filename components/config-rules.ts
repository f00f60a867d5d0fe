import type { AppDataConfig } from "./config";
import type { ConfigReader } from "./config-reader";
import { isPrivateBlock } from "./network-addresses";

// What CloudWatch Logs accepts; any other number of days is an error of its API at apply.
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];
// What RDS accepts beside 0, which switches enhanced monitoring off.
const MONITORING_SECONDS = [1, 5, 10, 15, 30, 60];
const FIRST_WITH_TOKENS = 6;
const LEAST_BACKUP_DAYS = { local: 1, dev: 1, staging: 7, prod: 14 };

/** Tells the reader each value that is safe by itself but not beside the others or in its environment. */
export function demandSafeCombination(config: AppDataConfig, reader: ConfigReader): void {
  demandWhatAwsAccepts(config, reader);
  demandWhatKeepsData(config, reader);
  demandWhatConnects(config, reader);
  demandWhatVerifies(config, reader);
  demandWhatKeepsLocalLocal(config, reader);
}

function demandWhatAwsAccepts(config: AppDataConfig, reader: ConfigReader): void {
  const { network, database, apiKeys } = config;
  reader.demand(
    "CFG010",
    "network.cidrBlock",
    isPrivateBlock(network.cidrBlock),
    "must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 and start at its first address",
  );
  const least = Math.ceil(database.allocatedStorageGib * 1.1);
  reader.demand(
    "CFG011",
    "database.maxAllocatedStorageGib",
    database.maxAllocatedStorageGib === 0 || database.maxAllocatedStorageGib >= least,
    `must be 0 (storage never grows) or at least ${least}, a tenth more than allocatedStorageGib`,
  );
  const retentions = {
    "network.logRetentionDays": network.logRetentionDays,
    "database.logRetentionDays": database.logRetentionDays,
  };
  for (const [key, days] of Object.entries(retentions)) {
    reader.demand(
      "CFG012",
      key,
      LOG_RETENTION_DAYS.includes(days),
      `must be one of ${LOG_RETENTION_DAYS.join(", ")}, which CloudWatch Logs accepts`,
    );
  }
  reader.demand(
    "CFG013",
    "database.secretRecoveryWindowDays",
    database.secretRecoveryWindowDays === 0 || database.secretRecoveryWindowDays >= 7,
    "must be 0 (a deleted secret is gone at once) or from 7 to 30",
  );
  reader.demand(
    "CFG014",
    "database.tunnel",
    (database.tunnel?.port ?? 1) <= 65_535,
    "must have a port from 1 to 65535",
  );
  const interval = database.monitoringIntervalSeconds;
  reader.demand(
    "CFG016",
    "database.monitoringIntervalSeconds",
    interval === 0 || MONITORING_SECONDS.includes(interval),
    `must be 0 (not measured) or one of ${MONITORING_SECONDS.join(", ")}, which RDS accepts`,
  );
  const both = apiKeys.users.find((principal) => apiKeys.administrators.includes(principal));
  reader.demand(
    "CFG015",
    "apiKeys.users",
    both === undefined,
    `must not name who administers the key, as ${both} does; use a role of its own`,
  );
}

function demandWhatKeepsData(config: AppDataConfig, reader: ConfigReader): void {
  const { environment, network, database, apiKeys, exports, migrations } = config;
  const demand = (code: string, key: string, holds: boolean, rule: string): void =>
    reader.demand(code, key, holds, `${rule} in ${environment}`);
  reader.demand(
    "CFG020",
    "database.publiclyAccessible",
    !database.publiclyAccessible,
    "must be false in every environment; reach the database with database.tunnel",
  );
  const days = LEAST_BACKUP_DAYS[environment];
  demand(
    "CFG021",
    "database.backupRetentionDays",
    database.backupRetentionDays >= days,
    `must be at least ${days}`,
  );
  demand(
    "CFG032",
    "exports.requestPolicy",
    exports.requestPolicy || environment === "local",
    "must be true",
  );
  demand(
    "CFG033",
    "exports.bucketTags",
    exports.bucketTags || environment === "local",
    "must be true",
  );
  if (!config.protect) return;
  demand("CFG022", "database.deletionProtection", database.deletionProtection, "must be true");
  demand("CFG023", "database.finalSnapshot", database.finalSnapshot, "must be true");
  demand("CFG024", "exports.forceDestroy", !exports.forceDestroy, "must be false");
  const { snapshotsKept } = migrations;
  demand("CFG025", "migrations.snapshotsKept", snapshotsKept > 0, "must be at least 1");
  const recovery = database.secretRecoveryWindowDays;
  demand("CFG026", "database.secretRecoveryWindowDays", recovery > 0, "must be at least 7");
  const interval = database.monitoringIntervalSeconds;
  demand("CFG037", "database.monitoringIntervalSeconds", interval > 0, "must be at least 1");
  if (environment !== "prod") return;
  demand("CFG027", "database.multiAz", database.multiAz, "must be true");
  demand("CFG028", "database.performanceInsights", database.performanceInsights, "must be true");
  const windows = {
    "network.keyDeletionWindowDays": network.keyDeletionWindowDays,
    "database.keyDeletionWindowDays": database.keyDeletionWindowDays,
    "apiKeys.deletionWindowDays": apiKeys.deletionWindowDays,
    "exports.keyDeletionWindowDays": exports.keyDeletionWindowDays,
  };
  for (const [key, window] of Object.entries(windows)) {
    demand("CFG029", key, window === 30, "must be 30, the time to notice a lost key,");
  }
}

function demandWhatConnects({ environment, database }: AppDataConfig, reader: ConfigReader): void {
  if (environment === "local") return;
  reader.demand(
    "CFG034",
    "database.tunnel",
    database.bastion === undefined || database.tunnel !== undefined,
    "must be set beside database.bastion: the provider that makes the roles opens no port-forward, " +
      "and `npx migrator tunnel` keeps one open on 127.0.0.1:6432",
  );
}

function demandWhatVerifies({ identity, migrations }: AppDataConfig, reader: ConfigReader): void {
  const { target } = migrations;
  reader.demand(
    "CFG038",
    "identity.tokens",
    identity.tokens === "none" || !(Number(target) < FIRST_WITH_TOKENS),
    "must be none while migrations.target is before 006, which holds what verifies tokens",
  );
}

function demandWhatKeepsLocalLocal(config: AppDataConfig, reader: ConfigReader): void {
  const { environment, database } = config;
  if (environment !== "local") return;
  reader.demand(
    "CFG030",
    "database.tunnel",
    database.tunnel !== undefined && isLoopback(database.tunnel.host),
    "must be a loopback address in local, because TLS is off there; for a server elsewhere use dev",
  );
  reader.demand(
    "CFG031",
    "database.masterSecret",
    database.masterSecret !== undefined,
    "must name a secret in local: the server behind the tunnel is not the emulated instance",
  );
  reader.demand(
    "CFG035",
    "database.bastion",
    database.bastion === undefined,
    'must be "" in local: the emulator opens no port-forward',
  );
  reader.demand(
    "CFG036",
    "database.login",
    database.login === "secret",
    "must be secret in local: tokens are taken by RDS alone, and over TLS alone",
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
