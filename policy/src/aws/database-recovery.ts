import {
  type Judged,
  type ResourceRule,
  type Verdict,
  broken,
  demand,
  demandAtLeast,
  demandOff,
  demandOn,
  lastingOnly,
  unjudged,
} from "./rule";
import { BACKUP_REPLICATION, CLUSTER, INSTANCE, SNAPSHOT, SNAPSHOT_COPY } from "./types";
import { read } from "../reading";

const topic = { code: "POL175", page: "database-recovery" };

/** That the database outlives a failure, an upgrade and a mistake. */
export const databaseRecoveryRules: readonly ResourceRule[] = [
  {
    name: "database-backups",
    control: { id: "RDS.11", title: "RDS instances should have automatic backups enabled" },
    severity: "medium",
    description: "Automatic backups reach back as many days as the environment demands.",
    remediation: "Raise `backupRetentionPeriod`.",
    topic,
    settings: {
      days: {
        description: "Days that backups have to be kept.",
        by: { local: 1, dev: 1, staging: 7, prod: 14 },
        minimum: 1,
        maximum: 35,
      },
    },
    types: [INSTANCE, CLUSTER],
    check: (resource, { days = 14 }) =>
      isReplica(resource) ? [] : demandAtLeast(resource, "backupRetentionPeriod", days),
  },
  {
    name: "database-multi-az",
    control: {
      id: "RDS.5",
      title: "RDS DB instances should be configured with multiple Availability Zones",
    },
    severity: "medium",
    description: "In production a standby in another zone takes over.",
    remediation: "Set `multiAz: true`.",
    topic,
    levels: { ...lastingOnly, staging: "disabled" },
    types: [INSTANCE],
    check: (resource) => (isReplica(resource) ? [] : demandOn(resource, "multiAz")),
  },
  {
    name: "database-minor-upgrades",
    control: {
      id: "RDS.13",
      title: "RDS automatic minor version upgrades should be enabled",
    },
    severity: "high",
    description: "Minor versions are upgraded automatically.",
    remediation: "Set `autoMinorVersionUpgrade: true`.",
    topic,
    types: [INSTANCE],
    check: (resource) => demandOn(resource, "autoMinorVersionUpgrade"),
  },
  {
    name: "database-major-upgrades",
    severity: "high",
    description: "Major versions are not upgraded automatically.",
    remediation: "Set `allowMajorVersionUpgrade: false`.",
    topic,
    types: [INSTANCE],
    check: (resource) => demandOff(resource, "allowMajorVersionUpgrade"),
  },
  {
    name: "database-changes-in-window",
    severity: "low",
    description: "A change that restarts the database waits for the maintenance window.",
    remediation: "Set `applyImmediately: false`.",
    topic,
    levels: lastingOnly,
    types: [INSTANCE, CLUSTER],
    check: (resource) => demandOff(resource, "applyImmediately"),
  },
  {
    name: "database-snapshot-tags",
    control: {
      id: "RDS.17",
      title: "RDS DB instances should be configured to copy tags to snapshots",
    },
    severity: "low",
    description: "A snapshot carries the tags of its database, by which rights are given.",
    remediation: "Set `copyTagsToSnapshot: true`.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) => demandOn(resource, "copyTagsToSnapshot"),
  },
  {
    name: "snapshot-private",
    control: { id: "RDS.1", title: "RDS snapshots should be private" },
    severity: "critical",
    description: "No snapshot is shared with everybody.",
    remediation: "Remove `all` from `sharedAccounts`; name the accounts.",
    topic,
    types: [SNAPSHOT, SNAPSHOT_COPY],
    check: (resource) =>
      demand(resource, ["sharedAccounts"], (accounts) =>
        Array.isArray(accounts) && accounts.includes("all")
          ? 'is shared with "all"; only named accounts may restore it. Remove "all" from `sharedAccounts`.'
          : undefined,
      ),
  },
  {
    name: "snapshot-encryption-key",
    control: {
      id: "RDS.4",
      title: "RDS cluster snapshots and database snapshots should be encrypted at rest",
    },
    severity: "high",
    description: "Copies of snapshots and backups are encrypted with a customer managed key.",
    remediation: "Set `kmsKeyId` to a key of the region that the copy is in.",
    topic,
    types: [SNAPSHOT_COPY, BACKUP_REPLICATION],
    check: demandCopyKey,
  },
];

function demandCopyKey(resource: Judged): Verdict[] {
  const key = read(resource.props, "kmsKeyId");
  if (key.state === "unknown") return [unjudged(resource, ["kmsKeyId"])];
  const isOwn = key.state === "known" && !/(^|:)alias\/aws\//.test(String(key.value));
  if (isOwn && key.value !== "") return [];
  const found = isOwn || key.state === "absent" ? "unset" : "set to a key of AWS's own";
  return [
    broken(
      resource,
      `has kmsKeyId ${found}; a customer managed KMS key is required. Set \`kmsKeyId\`.`,
    ),
  ];
}

function isReplica({ props }: Judged): boolean {
  return read(props, "replicateSourceDb").state !== "absent";
}
