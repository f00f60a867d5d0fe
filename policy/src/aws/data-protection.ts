import { type ResourceRule, broken, demand, demandOff, demandOn, lastingOnly } from "./rule";
import { BUCKETS, CLUSTER, DATABASE, INSTANCE, KEY, MIGRATION_PLAN } from "./types";

const topic = { code: "POL181", page: "data-protected" };

/** That no plain `up` destroys what holds data, where data has to last. */
export const dataProtectionRules: readonly ResourceRule[] = [
  {
    name: "data-protected",
    severity: "critical",
    description: "Pulumi refuses to delete what holds data, or the key to it.",
    remediation: "Give the resource the option `protect: true`.",
    topic,
    levels: lastingOnly,
    types: [INSTANCE, CLUSTER, DATABASE, KEY, ...BUCKETS],
    check: (resource) =>
      resource.opts.protect
        ? []
        : [
            broken(
              resource,
              "is not protected, so an `up` of a program without it destroys it; it must be. " +
                "Give it the option `protect: true`.",
            ),
          ],
  },
  {
    name: "database-deletion-protection",
    control: { id: "RDS.8", title: "RDS DB instances should have deletion protection enabled" },
    severity: "high",
    description: "RDS refuses to delete the database.",
    remediation: "Set `deletionProtection: true`.",
    topic,
    levels: lastingOnly,
    types: [INSTANCE, CLUSTER],
    check: (resource) => demandOn(resource, "deletionProtection"),
  },
  {
    name: "database-final-snapshot",
    severity: "high",
    description: "When the database is deleted, a snapshot stays.",
    remediation: "Set `skipFinalSnapshot: false` and `finalSnapshotIdentifier`.",
    topic,
    levels: lastingOnly,
    types: [INSTANCE, CLUSTER],
    // Two inputs for one thing: without a name there is no snapshot, either.
    check: (resource) => [
      ...demandOff(resource, "skipFinalSnapshot"),
      ...demand(resource, ["finalSnapshotIdentifier"], (name) =>
        name === undefined
          ? "has no finalSnapshotIdentifier, so its deletion fails or leaves nothing. Set it."
          : undefined,
      ),
    ],
  },
  {
    name: "database-backups-stay",
    severity: "high",
    description: "When the database is deleted, its automatic backups stay.",
    remediation: "Set `deleteAutomatedBackups: false`.",
    topic,
    levels: lastingOnly,
    types: [INSTANCE, CLUSTER],
    check: (resource) =>
      demand(resource, ["deleteAutomatedBackups"], (value) =>
        value === false
          ? undefined
          : "deletes its automatic backups with itself; they must stay. Set `deleteAutomatedBackups: false`.",
      ),
  },
  {
    name: "migrations-keep-rows",
    severity: "high",
    description: "No rollback deletes rows unless that is allowed.",
    remediation: "Set `migrations.allowDataLoss` to false.",
    topic,
    levels: lastingOnly,
    types: [MIGRATION_PLAN],
    check: (resource) => demandOff(resource, "allowDataLoss"),
  },
  {
    name: "migrations-take-snapshots",
    severity: "high",
    description: "A snapshot comes before a migration that deletes data.",
    remediation: "Set `migrations.snapshotsKept` to 1 or more.",
    topic,
    levels: lastingOnly,
    types: [MIGRATION_PLAN],
    check: (resource) =>
      demand(resource, ["snapshots"], (snapshots) =>
        snapshots === undefined
          ? "takes no snapshot before data is deleted; it must. Set `migrations.snapshotsKept`."
          : undefined,
      ),
  },
  {
    name: "bucket-kept-while-full",
    severity: "high",
    description: "A bucket with objects in it is not deleted.",
    remediation: "Set `forceDestroy: false`.",
    topic,
    levels: lastingOnly,
    types: BUCKETS,
    check: (resource) => demandOff(resource, "forceDestroy"),
  },
];
