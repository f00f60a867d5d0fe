import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as ec2 from "@pulumi/aws/ec2";
import * as iam from "@pulumi/aws/iam";
import * as kms from "@pulumi/aws/kms";
import * as pulumi from "@pulumi/pulumi";
import { currentAccount, logGroupArn, type AwsAccount } from "./aws-account";
import { administration, encryptLogs, keyPolicy } from "./key-policy";
import { physicalName } from "./names";
import type { Tags } from "./tags";

const SERVICE = "vpc-flow-logs.amazonaws.com";

/** Inputs of {@link createFlowLog}. */
export interface NetworkFlowLogArgs {
  /** The component that the flow log belongs to. */
  readonly parent: pulumi.Resource;
  /** The network whose connections are written down. */
  readonly vpcId: pulumi.Output<string>;
  /** Days that CloudWatch keeps the records. */
  readonly retentionDays: number;
  /** Days until the deleted key, and every record under it, is gone: 7 to 30. */
  readonly keyDeletionWindowDays: number;
  /** Whether Pulumi refuses to delete the key. */
  readonly protect: boolean;
  /** Tags of key, log group, role and flow log. */
  readonly tags: Tags;
}

/**
 * Flow log of a network: who connected to whom, on which port, whether it was let through, and how
 * many bytes went over; never what was in them. EC2 writes it to CloudWatch with a role of the stack's.
 */
export function createFlowLog(name: string, args: NetworkFlowLogArgs): void {
  const { parent, tags } = args;
  const account = currentAccount(parent);
  const logGroupName = `/aws/vpc/${physicalName()}/flow-log`;

  const logGroup = new cloudwatch.LogGroup(
    name,
    {
      name: logGroupName,
      retentionInDays: args.retentionDays,
      kmsKeyId: createKey(`${name}-key`, args, account, logGroupName).arn,
      tags,
    },
    { parent },
  );
  const role = new iam.Role(
    name,
    {
      name: physicalName("flow-log"),
      description: "EC2 writes down who connected to whom in the network",
      assumeRolePolicy: trustPolicy(account),
      tags,
    },
    { parent },
  );
  const permission = new iam.RolePolicy(
    name,
    { name: "write-flow-log", role: role.name, policy: writePolicy(account, logGroupName) },
    { parent },
  );
  new ec2.FlowLog(
    name,
    {
      vpcId: args.vpcId,
      trafficType: "ALL",
      logDestination: logGroup.arn,
      iamRoleArn: role.arn,
      tags,
    },
    // Without the permission EC2 would make the flow log, deliver nothing and say so nowhere in Pulumi.
    { parent, dependsOn: permission },
  );
}

/** A key of the network's own: the database's is made later, and encrypts what is the database's alone. */
function createKey(
  name: string,
  args: NetworkFlowLogArgs,
  account: AwsAccount,
  logGroupName: string,
): kms.Key {
  const { parent, protect } = args;
  const key = new kms.Key(
    name,
    {
      description: "Flow log of the network of app-data",
      enableKeyRotation: true,
      deletionWindowInDays: args.keyDeletionWindowDays,
      policy: keyPolicy([...administration(account), encryptLogs(account, [logGroupName])]),
      tags: args.tags,
    },
    { parent, protect },
  );
  new kms.Alias(
    name,
    { name: `alias/${physicalName("flow-log")}`, targetKeyId: key.keyId },
    { parent },
  );
  return key;
}

/**
 * Who may take on the role: the service, for flow logs of this account alone. Which one cannot be said:
 * its identifier is known when it is made, with the role. After the VPC user guide, "IAM role for
 * publishing flow logs to CloudWatch Logs".
 */
function trustPolicy({ accountId, partition, region }: AwsAccount): pulumi.Output<string> {
  const flowLogs = pulumi.interpolate`arn:${partition}:ec2:${region}:${accountId}:vpc-flow-log/*`;
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "WriteFlowLogs",
        Effect: "Allow",
        Principal: { Service: SERVICE },
        Action: "sts:AssumeRole",
        Condition: {
          StringEquals: { "aws:SourceAccount": accountId },
          ArnLike: { "aws:SourceArn": flowLogs },
        },
      },
    ],
  });
}

/**
 * What the role may do. Without `logs:CreateLogGroup`, which that guide lists, too: the service would
 * make the group anew after its deletion, kept for ever and under no key of ours.
 */
function writePolicy(account: AwsAccount, logGroupName: string): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "WriteRecords",
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        // The group with its streams.
        Resource: pulumi.interpolate`${logGroupArn(account, logGroupName)}:*`,
      },
      {
        Sid: "FindLogGroup",
        Effect: "Allow",
        Action: "logs:DescribeLogGroups",
        // Names and settings of groups are listed for all of them or for none.
        Resource: logGroupArn(account, "*"),
      },
    ],
  });
}
