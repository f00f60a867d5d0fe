import * as iam from "@pulumi/aws/iam";
import type * as rds from "@pulumi/aws/rds";
import * as pulumi from "@pulumi/pulumi";
import { currentAccount } from "./aws-account";
import { physicalName } from "./names";
import type { Tags } from "./tags";

const SERVICE = "monitoring.rds.amazonaws.com";
// Lets its holder write to the log group RDSOSMetrics, and to no other.
const MANAGED_POLICY = "service-role/AmazonRDSEnhancedMonitoringRole";

/** Inputs of {@link createMonitoring}. */
export interface DatabaseMonitoringArgs {
  /** The component that the role belongs to. */
  readonly parent: pulumi.Resource;
  /** Identifier of the instance that is measured. */
  readonly instanceIdentifier: string;
  /** Seconds between two measurements: 1, 5, 10, 15, 30 or 60; 0 for none. */
  readonly intervalSeconds: number;
  /** Tags of the role. */
  readonly tags: Tags;
}

/** What the RDS instance is told of its monitoring. */
export type MonitoringSettings = Pick<rds.InstanceArgs, "monitoringInterval" | "monitoringRoleArn">;

/**
 * Enhanced monitoring: RDS measures the operating system under the database, and writes with a role of
 * the stack's. The log group RDSOSMetrics is not made here: all instances of the account share it.
 */
export function createMonitoring(name: string, args: DatabaseMonitoringArgs): MonitoringSettings {
  if (args.intervalSeconds === 0) return {};
  const { parent } = args;
  const role = new iam.Role(
    name,
    {
      name: physicalName("database-monitoring"),
      description: "RDS writes what it measures under the database",
      assumeRolePolicy: trustPolicy(args),
      tags: args.tags,
    },
    { parent },
  );
  const { partition } = currentAccount(parent);
  const attachment = new iam.RolePolicyAttachment(
    `${name}-policy`,
    {
      role: role.name,
      policyArn: pulumi.interpolate`arn:${partition}:iam::aws:policy/${MANAGED_POLICY}`,
    },
    { parent },
  );
  return {
    monitoringInterval: args.intervalSeconds,
    // RDS refuses a role that lacks the policy, so the ARN is not known before the policy is attached.
    monitoringRoleArn: pulumi.all([role.arn, attachment.id]).apply(([arn]) => arn),
  };
}

/**
 * Who may take on the role: the service, and for this instance alone, lest it does so for somebody else
 * who names the role. After the RDS user guide, "Protecting against the confused deputy problem".
 */
function trustPolicy(args: DatabaseMonitoringArgs): pulumi.Output<string> {
  const { accountId, partition, region } = currentAccount(args.parent);
  const instance = pulumi.interpolate`arn:${partition}:rds:${region}:${accountId}:db:${args.instanceIdentifier}`;
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "MeasureInstance",
        Effect: "Allow",
        Principal: { Service: SERVICE },
        Action: "sts:AssumeRole",
        Condition: {
          StringEquals: { "aws:SourceAccount": accountId },
          ArnEquals: { "aws:SourceArn": instance },
        },
      },
    ],
  });
}
