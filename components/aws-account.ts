import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity";
import { getPartitionOutput } from "@pulumi/aws/getPartition";
import { getRegionOutput } from "@pulumi/aws/getRegion";
import * as pulumi from "@pulumi/pulumi";

/** Where the stack is: what the ARNs of a policy are made of. */
export interface AwsAccount {
  /** Twelve digits. */
  readonly accountId: pulumi.Output<string>;
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: pulumi.Output<string>;
  /** Such as `eu-central-1`. */
  readonly region: pulumi.Output<string>;
}

/**
 * The account, partition and region that the provider works in. The account is asked of STS by itself,
 * so that it is known where the provider is told not to ask (`aws:skipRequestingAccountId`).
 */
export function currentAccount(parent: pulumi.Resource): AwsAccount {
  return {
    accountId: getCallerIdentityOutput({}, { parent }).accountId,
    partition: getPartitionOutput({}, { parent }).partition,
    region: getRegionOutput({}, { parent }).region,
  };
}

/** ARN of a log group of the account, as CloudWatch Logs puts it into the encryption context. */
export function logGroupArn(account: AwsAccount, name: string): pulumi.Output<string> {
  const { accountId, partition, region } = account;
  return pulumi.interpolate`arn:${partition}:logs:${region}:${accountId}:log-group:${name}`;
}
