import {
  type Judged,
  type ResourceRule,
  type Verdict,
  broken,
  demand,
  demandOff,
  demandOn,
  lastingOnly,
} from "./rule";
import { BUCKETS, CLUSTER, DATABASE, INSTANCE, KEY, MIGRATION, MIGRATION_PLAN } from "./types";

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
    description:
      "RDS refuses to delete the database; when it is deleted, snapshot and backups stay.",
    remediation:
      "Set `deletionProtection: true`, `skipFinalSnapshot: false` with `finalSnapshotIdentifier`, and `deleteAutomatedBackups: false`.",
    topic,
    levels: lastingOnly,
    types: [INSTANCE, CLUSTER],
    check: demandLastWords,
  },
  {
    name: "migrations-keep-rows",
    severity: "high",
    description: "No rollback deletes rows unasked, and a snapshot comes before what does.",
    remediation:
      "Set `migrations.allowDataLoss` to false and `migrations.snapshotsKept` to 1 or more.",
    topic,
    levels: lastingOnly,
    types: [MIGRATION, MIGRATION_PLAN],
    check: (resource) => [
      ...demandOff(resource, "allowDataLoss"),
      ...(resource.type === MIGRATION ? [] : demandSnapshots(resource)),
    ],
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

function demandSnapshots(resource: Judged): Verdict[] {
  return demand(resource, ["snapshots"], (snapshots) =>
    snapshots === undefined
      ? "takes no snapshot before data is deleted; it must. Set `migrations.snapshotsKept`."
      : undefined,
  );
}

function demandLastWords(resource: Judged): Verdict[] {
  return [
    ...demandOn(resource, "deletionProtection"),
    ...demandOff(resource, "skipFinalSnapshot"),
    ...demand(resource, ["finalSnapshotIdentifier"], (name) =>
      name === undefined
        ? "has no finalSnapshotIdentifier, so its deletion fails or leaves nothing. Set it."
        : undefined,
    ),
    ...demand(resource, ["deleteAutomatedBackups"], (value) =>
      value === false
        ? undefined
        : "deletes its automatic backups with itself; they must stay. Set `deleteAutomatedBackups: false`.",
    ),
  ];
}
