import type { DBSnapshot } from "@aws-sdk/client-rds";
import { awsReasonOf } from "../database/aws-reason";
import { CODES, MigratorError } from "../errors";
import { type InstanceReference, nameOf, ownSnapshots, withRds } from "./own-snapshots";

/**
 * Deletes the oldest of the snapshots that `takeSnapshot` made of an instance; no others.
 * @param keep how many of the newest stay, at least 1.
 * @returns the names of the deleted ones.
 * @throws MigratorError MIG037 when AWS refuses it.
 */
export async function pruneSnapshots({
  instanceIdentifier,
  region,
  keep,
}: InstanceReference & { keep: number }): Promise<string[]> {
  const { DeleteDBSnapshotCommand } = await import("@aws-sdk/client-rds");
  return withRds(region, async (client) => {
    const finished = (await ownSnapshots(client, instanceIdentifier))
      .filter(({ Status }) => Status === "available")
      .sort((a, b) => createdAt(b) - createdAt(a));
    const outdated = finished.slice(Math.max(1, keep)).map(nameOf);
    for (const DBSnapshotIdentifier of outdated) {
      await client
        .send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }))
        .catch((cause: unknown) => {
          throw new MigratorError(
            CODES.snapshotNotDeleted,
            `The old snapshot ${DBSnapshotIdentifier} could not be deleted (${awsReasonOf(cause)}). The AWS ` +
              "credentials in use need rds:DeleteDBSnapshot on it; nothing else is wrong.",
            { cause },
          );
        });
    }
    return outdated;
  });
}

function createdAt({ SnapshotCreateTime }: DBSnapshot): number {
  return SnapshotCreateTime?.getTime() ?? 0;
}
