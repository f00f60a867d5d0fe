import type { DBSnapshot, RDSClient } from "@aws-sdk/client-rds";
import { awsReasonOf } from "../database/aws-reason";
import { CODES, MigratorError } from "../errors";

/** Which instance. */
export interface InstanceReference {
  /** Its identifier in RDS, not its address. */
  instanceIdentifier: string;
  /** AWS region of the instance. @default the environment's */
  region?: string;
}

/** Tags that tell our snapshots from everybody else's. */
export const TAG = {
  purpose: "app-data:purpose",
  migrations: "app-data:migrations",
} as const;
/** What {@link TAG.purpose} says on each of ours. */
export const PURPOSE = "before-migration";

/** Runs `work` with a client of RDS; AWS credentials are those of the environment. */
export async function withRds<T>(
  region: string | undefined,
  work: (client: RDSClient) => Promise<T>,
): Promise<T> {
  // Loaded when it is needed: most runs take no snapshot.
  const { RDSClient } = await import("@aws-sdk/client-rds");
  const client = new RDSClient(region === undefined ? {} : { region });
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

/**
 * The snapshots that the migrator made of an instance, finished or not; nobody else's.
 * @throws MigratorError MIG035 when AWS refuses to list them.
 */
export async function ownSnapshots(client: RDSClient, instance: string): Promise<DBSnapshot[]> {
  const { paginateDescribeDBSnapshots } = await import("@aws-sdk/client-rds");
  const pages = paginateDescribeDBSnapshots(
    { client },
    { DBInstanceIdentifier: instance, SnapshotType: "manual" },
  );
  const snapshots: DBSnapshot[] = [];
  try {
    for await (const page of pages) snapshots.push(...(page.DBSnapshots ?? []));
  } catch (cause) {
    throw snapshotRefused(instance, cause);
  }
  return snapshots.filter((each) => tagOf(each, TAG.purpose) === PURPOSE);
}

/** The value of a snapshot's tag. */
export function tagOf({ TagList = [] }: DBSnapshot, key: string): string | undefined {
  return TagList.find(({ Key }) => Key === key)?.Value;
}

/** The name that a snapshot goes by. */
export function nameOf({ DBSnapshotIdentifier = "" }: DBSnapshot): string {
  return DBSnapshotIdentifier;
}

/** The error of a snapshot that AWS did not even begin. */
export function snapshotRefused(instance: string, cause: unknown): MigratorError {
  return new MigratorError(
    CODES.snapshotRefused,
    `AWS took no snapshot of the instance ${instance} (${awsReasonOf(cause)}). The instance must exist and ` +
      "be available (aws rds describe-db-instances), and the AWS credentials in use need rds:DescribeDBInstances, " +
      "rds:DescribeDBSnapshots, rds:CreateDBSnapshot and rds:AddTagsToResource. Nothing was migrated.",
    { cause },
  );
}
