import { setTimeout as sleep } from "node:timers/promises";
import type { DBInstance, DBSnapshot, RDSClient } from "@aws-sdk/client-rds";
import { awsReasonOf } from "../database/aws-reason";
import { CODES, MigratorError } from "../errors";
import {
  type InstanceReference,
  PURPOSE,
  TAG,
  nameOf,
  ownSnapshots,
  snapshotRefused,
  tagOf,
  withRds,
} from "./own-snapshots";
import { restoreCommand } from "./restore-command";

/** What a snapshot is taken for, and how long it is waited for. */
export interface SnapshotOptions extends InstanceReference {
  /** Versions of the migrations that follow, in order; at least one. */
  versions: readonly string[];
  /** Is given a line when the snapshot starts, as it progresses and when it is done. */
  report?: (line: string) => void;
  /** How long to wait for it. @default 60 */
  limitMinutes?: number;
  /** How often to look. @default 10 */
  pollSeconds?: number;
}

/** A snapshot that can be restored. */
export interface Snapshot {
  name: string;
  /** When it was begun, which is the moment that it holds; ISO 8601, UTC. */
  createdAt: string;
  /** The AWS command that makes an instance of it. */
  restoreCommand: string;
}

const DEFAULT_LIMIT_MINUTES = 60;
const DEFAULT_POLL_SECONDS = 10;

/**
 * Takes a snapshot of an RDS instance before migrations, and waits until it can be restored. One that an
 * interrupted run began for the same migrations, and that is still being made, is waited for instead.
 * AWS credentials are those of the environment.
 * @throws MigratorError MIG035 when AWS refuses it, MIG036 when it fails or takes too long.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const { instanceIdentifier, region, report = () => undefined } = options;
  return withRds(region, async (client) => {
    const instance = await describeInstance(client, instanceIdentifier);
    const unfinished = (await ownSnapshots(client, instanceIdentifier)).find(
      (each) =>
        each.Status === "creating" && tagOf(each, TAG.migrations) === forMigrations(options),
    );
    const name = unfinished ? nameOf(unfinished) : await beginSnapshot(client, options);
    report(
      unfinished
        ? `Waiting for snapshot ${name}, which an earlier run began.`
        : `Taking snapshot ${name} of ${instanceIdentifier}.`,
    );
    const done = await untilAvailable(client, name, options);
    report(`Snapshot ${name} can be restored.`);
    return {
      name,
      createdAt: (done.SnapshotCreateTime ?? new Date()).toISOString(),
      restoreCommand: restoreCommand(name, instance, await client.config.region()),
    };
  });
}

async function describeInstance(client: RDSClient, identifier: string): Promise<DBInstance> {
  const { DescribeDBInstancesCommand } = await import("@aws-sdk/client-rds");
  const { DBInstances = [] } = await client
    .send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier }))
    .catch((cause: unknown) => {
      throw snapshotRefused(identifier, cause);
    });
  return DBInstances[0] ?? {};
}

/** @returns the name of the snapshot that AWS has begun. */
async function beginSnapshot(client: RDSClient, options: SnapshotOptions): Promise<string> {
  const { CreateDBSnapshotCommand } = await import("@aws-sdk/client-rds");
  const { instanceIdentifier, versions } = options;
  const moment = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  const name = `app-data-${instanceIdentifier}-before-${versions[0] ?? "now"}-${moment}`;
  const command = new CreateDBSnapshotCommand({
    DBInstanceIdentifier: instanceIdentifier,
    DBSnapshotIdentifier: name,
    Tags: [
      { Key: TAG.purpose, Value: PURPOSE },
      { Key: TAG.migrations, Value: forMigrations(options) },
    ],
  });
  await client.send(command).catch((cause: unknown) => {
    throw snapshotRefused(instanceIdentifier, cause);
  });
  return name;
}

async function untilAvailable(
  client: RDSClient,
  name: string,
  options: SnapshotOptions,
): Promise<DBSnapshot> {
  const { DescribeDBSnapshotsCommand } = await import("@aws-sdk/client-rds");
  const { limitMinutes = DEFAULT_LIMIT_MINUTES, pollSeconds = DEFAULT_POLL_SECONDS } = options;
  const started = Date.now();
  let told = 0;
  for (;;) {
    const { DBSnapshots = [] } = await client
      .send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: name }))
      .catch((cause: unknown) => {
        throw unfinished(name, `its state cannot be read (${awsReasonOf(cause)})`, cause);
      });
    const { Status = "unknown", PercentProgress = 0 } = DBSnapshots[0] ?? {};
    if (DBSnapshots[0] && Status === "available") return DBSnapshots[0];
    if (Status !== "creating") throw unfinished(name, `it is ${Status}`);
    const seconds = Math.round((Date.now() - started) / 1000);
    if (seconds >= limitMinutes * 60) {
      const what = `it is at ${PercentProgress} % after ${limitMinutes} minutes, and goes on`;
      throw unfinished(name, `${what}; the next run waits for the same one`);
    }
    if (PercentProgress > told) {
      options.report?.(`Snapshot ${name}: ${PercentProgress} % after ${seconds} s.`);
      told = PercentProgress;
    }
    await sleep(pollSeconds * 1000);
  }
}

/** Tag values of RDS take spaces, not commas. */
function forMigrations({ versions }: SnapshotOptions): string {
  return versions.join(" ");
}

function unfinished(name: string, what: string, cause?: unknown): MigratorError {
  return new MigratorError(
    CODES.snapshotFailed,
    `The snapshot ${name} is not there to be restored: ${what}. Nothing was migrated. Look at it with ` +
      `aws rds describe-db-snapshots --db-snapshot-identifier ${name}, and try again.`,
    { cause },
  );
}
