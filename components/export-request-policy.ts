import type * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import type { AppDataConfig } from "./config";

/**
 * Policy, as JSON, of a bucket that refuses plain connections, TLS below 1.2, requests signed longer ago
 * than the configuration allows, and encryption with anything but the bucket's own key.
 */
export function requestPolicy(
  bucketArn: pulumi.Output<string>,
  keyArn: pulumi.Output<string>,
  settings: AppDataConfig["exports"],
): pulumi.Output<string> {
  const everything = [bucketArn, pulumi.interpolate`${bucketArn}/*`];
  const refuse = (
    Sid: string,
    Action: string,
    Resource: pulumi.Input<string>[],
    Condition: iam.PolicyStatement["Condition"],
  ): iam.PolicyStatement => ({
    Sid,
    Effect: "Deny",
    Principal: "*",
    Action,
    Resource,
    Condition,
  });
  const objects = everything.slice(1);
  const algorithm = "s3:x-amz-server-side-encryption";
  const key = "s3:x-amz-server-side-encryption-aws-kms-key-id";
  const milliseconds = String(settings.presignedUrlMaxAgeMinutes * 60_000);
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      refuse("RefusePlainText", "s3:*", everything, { Bool: { "aws:SecureTransport": "false" } }),
      refuse("RefuseOldTls", "s3:*", everything, { NumericLessThan: { "s3:TlsVersion": "1.2" } }),
      refuse("RefuseOldSignatures", "s3:*", objects, {
        NumericGreaterThan: { "s3:signatureAge": milliseconds },
      }),
      // Only where an upload asks for encryption itself; without a word the bucket's own applies.
      refuse("RefuseOtherEncryption", "s3:PutObject", objects, {
        StringNotEquals: { [algorithm]: "aws:kms" },
        Null: { [algorithm]: "false" },
      }),
      refuse("RefuseOtherKeys", "s3:PutObject", objects, {
        StringNotEquals: { [key]: keyArn },
        Null: { [key]: "false" },
      }),
    ],
  });
}
