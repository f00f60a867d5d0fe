import type { DBInstance } from "@aws-sdk/client-rds";

const SUFFIX = "-restored";
const LONGEST_IDENTIFIER = 63;

/**
 * The AWS command that makes a new instance of a snapshot, in the network and with the parameters of the
 * one that it was taken of. The new one stands beside the old one, under a name of its own.
 * @param snapshot name of the snapshot.
 * @param instance the instance as RDS describes it.
 */
export function restoreCommand(snapshot: string, instance: DBInstance, region: string): string {
  const { DBInstanceIdentifier = "app-data", DBInstanceClass, DBSubnetGroup } = instance;
  const groups = (instance.VpcSecurityGroups ?? []).flatMap(
    ({ VpcSecurityGroupId: id }) => id ?? [],
  );
  const parameters = instance.DBParameterGroups?.[0]?.DBParameterGroupName;
  const stem = DBInstanceIdentifier.slice(0, LONGEST_IDENTIFIER - SUFFIX.length).replace(/-+$/, "");
  return [
    "aws rds restore-db-instance-from-db-snapshot",
    `--region ${region}`,
    `--db-snapshot-identifier ${snapshot}`,
    `--db-instance-identifier ${stem}${SUFFIX}`,
    DBInstanceClass && `--db-instance-class ${DBInstanceClass}`,
    DBSubnetGroup?.DBSubnetGroupName && `--db-subnet-group-name ${DBSubnetGroup.DBSubnetGroupName}`,
    groups.length > 0 && `--vpc-security-group-ids ${groups.join(" ")}`,
    parameters && `--db-parameter-group-name ${parameters}`,
    "--no-publicly-accessible",
    "--deletion-protection",
  ]
    .filter((part) => typeof part === "string" && part !== "")
    .join(" ");
}
