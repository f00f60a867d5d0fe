import type * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import { logGroupArn, type AwsAccount } from "./aws-account";

/** One statement of a key policy. */
export type KeyStatement = iam.PolicyStatement;

// Named one by one: "kms:*" would contain decryption, and "kms:Create*" contains kms:CreateGrant, with
// which an administrator could hand the use of the key to anybody, themselves included.
const ADMINISTRATION = [
  "kms:CancelKeyDeletion",
  "kms:CreateAlias",
  "kms:DeleteAlias",
  "kms:DescribeKey",
  "kms:DisableKey",
  "kms:DisableKeyRotation",
  "kms:EnableKey",
  "kms:EnableKeyRotation",
  "kms:GetKeyPolicy",
  "kms:GetKeyRotationStatus",
  "kms:ListGrants",
  "kms:ListKeyPolicies",
  "kms:ListKeyRotations",
  "kms:ListResourceTags",
  "kms:PutKeyPolicy",
  "kms:RevokeGrant",
  "kms:RotateKeyOnDemand",
  "kms:ScheduleKeyDeletion",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:UpdateAlias",
  "kms:UpdateKeyDescription",
];

// What a service does with a key on somebody's behalf.
const USE = [
  "kms:Decrypt",
  "kms:DescribeKey",
  "kms:Encrypt",
  "kms:GenerateDataKey*",
  "kms:ReEncrypt*",
];

/** ARN of the account's root, which in a policy stands for every principal that IAM policies allow. */
export function accountRoot(account: AwsAccount): pulumi.Output<string> {
  return pulumi.interpolate`arn:${account.partition}:iam::${account.accountId}:root`;
}

/**
 * Statements that let a key be managed but not used for encryption. Without administrators, the IAM
 * policies of the account say who manages it. With administrators it is they and the root user in
 * person, so that the key cannot become unmanageable when they are deleted.
 */
export function administration(
  account: AwsAccount,
  administrators: readonly string[] = [],
): KeyStatement[] {
  const root: KeyStatement = {
    Sid: "AdministerAsAccount",
    Effect: "Allow",
    Principal: { AWS: accountRoot(account) },
    Action: ADMINISTRATION,
    Resource: "*",
  };
  if (administrators.length === 0) return [root];
  return [
    { ...root, Condition: { StringEquals: { "aws:PrincipalType": "Account" } } },
    {
      Sid: "Administer",
      Effect: "Allow",
      Principal: { AWS: [...administrators] },
      Action: ADMINISTRATION,
      Resource: "*",
    },
  ];
}

/**
 * Statement that lets whom IAM policies allow use the key, but only through the named services
 * (`rds`, `s3`, …): nobody decrypts with it directly.
 */
export function useThroughServices(
  account: AwsAccount,
  services: readonly string[],
  conditions: Record<string, Record<string, pulumi.Input<string>>> = {},
): KeyStatement {
  return {
    Sid: "UseThroughServices",
    Effect: "Allow",
    Principal: { AWS: accountRoot(account) },
    Action: USE,
    Resource: "*",
    Condition: { ...conditions, StringEquals: viaServices(account, services) },
  };
}

/** Statement that lets CloudWatch Logs encrypt log groups with the key, and no others. */
export function encryptLogs(account: AwsAccount, logGroupNames: readonly string[]): KeyStatement {
  const logGroups = logGroupNames.map((name) => logGroupArn(account, name));
  return {
    Sid: "EncryptLogs",
    Effect: "Allow",
    Principal: { Service: pulumi.interpolate`logs.${account.region}.amazonaws.com` },
    Action: USE,
    Resource: "*",
    Condition: { ArnEquals: { "kms:EncryptionContext:aws:logs:arn": logGroups } },
  };
}

/** Condition that a request comes from one of the services, on behalf of a principal of the account. */
export function viaServices(
  account: AwsAccount,
  services: readonly string[],
): Record<string, pulumi.Input<string> | pulumi.Input<string>[]> {
  const hosts = services.map((each) => pulumi.interpolate`${each}.${account.region}.amazonaws.com`);
  return { "kms:CallerAccount": account.accountId, "kms:ViaService": hosts };
}

/** The policy document as JSON. */
export function keyPolicy(statements: KeyStatement[]): pulumi.Output<string> {
  return pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements });
}
