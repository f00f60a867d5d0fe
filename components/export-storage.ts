import * as kms from "@pulumi/aws/kms";
import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { currentAccount, type AwsAccount } from "./aws-account";
import type { AppDataConfig } from "./config";
import { requestPolicy } from "./export-request-policy";
import { administration, keyPolicy, useThroughServices } from "./key-policy";
import { physicalName } from "./names";
import type { Tags } from "./tags";

const INCOMPLETE_UPLOAD_DAYS = 1;
// What guards the objects is not taken away one by one before the bucket, which then may still be full:
// it goes with the bucket.
const UNTIL_BUCKET_GONE = { retainOnDelete: true };

/** Inputs of {@link ExportStorage}. */
export interface ExportStorageArgs {
  /** The configuration's part `exports`. */
  readonly settings: AppDataConfig["exports"];
  /** Whether Pulumi refuses to delete the bucket and its key. */
  readonly protect: boolean;
  /** Tags of bucket and key. */
  readonly tags: Tags;
}

/** Bucket of users' exports: private, encrypted with a key of its own, and emptied by age. */
export class ExportStorage extends pulumi.ComponentResource {
  /** Name of the bucket. */
  public readonly bucketName: pulumi.Output<string>;
  /** ARN of the bucket. */
  public readonly bucketArn: pulumi.Output<string>;
  /** ARN of the key that its objects are encrypted with. */
  public readonly keyArn: pulumi.Output<string>;

  constructor(name: string, args: ExportStorageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-data:storage:ExportStorage", name, {}, opts);
    const { settings, tags, protect } = args;
    const account = currentAccount(this);
    // Bucket names are shared by all of AWS; with the account's number in it, it is ours or nobody's.
    const bucketName = account.accountId.apply((id) => physicalName(`exports-${id}`));
    const bucketArn = pulumi.interpolate`arn:${account.partition}:s3:::${bucketName}`;

    const key = this.createKey(name, args, account, bucketArn);
    const bucket = new s3.Bucket(
      name,
      {
        bucket: bucketName,
        forceDestroy: settings.forceDestroy,
        tags: settings.bucketTags ? tags : undefined,
      },
      { parent: this, protect },
    );
    const access = this.closeToThePublic(name, bucket.bucket);
    if (settings.requestPolicy) {
      const policy = requestPolicy(bucketArn, key.arn, settings);
      this.refuseUnsafeRequests(name, bucket.bucket, policy, access);
    }
    const versioning = this.keepVersions(name, bucket.bucket);
    this.encrypt(name, bucket.bucket, key.arn);
    this.expire(name, bucket.bucket, settings, versioning);

    this.bucketName = bucket.bucket;
    this.bucketArn = bucket.arn;
    this.keyArn = key.arn;
    this.registerOutputs({
      bucketName: this.bucketName,
      bucketArn: this.bucketArn,
      keyArn: this.keyArn,
    });
  }

  private createKey(
    name: string,
    args: ExportStorageArgs,
    account: AwsAccount,
    bucketArn: pulumi.Output<string>,
  ): kms.Key {
    const key = new kms.Key(
      `${name}-key`,
      {
        description: "Users' exports in S3",
        enableKeyRotation: true,
        deletionWindowInDays: args.settings.keyDeletionWindowDays,
        policy: keyPolicy([
          ...administration(account),
          // With bucket keys the context names the bucket, not the object.
          useThroughServices(account, ["s3"], {
            ArnEquals: { "kms:EncryptionContext:aws:s3:arn": bucketArn },
          }),
        ]),
        tags: args.tags,
      },
      { parent: this, protect: args.protect },
    );
    new kms.Alias(
      `${name}-key`,
      { name: `alias/${physicalName("exports")}`, targetKeyId: key.keyId },
      { parent: this },
    );
    return key;
  }

  private closeToThePublic(name: string, bucket: pulumi.Output<string>): pulumi.Resource[] {
    const block = new s3.BucketPublicAccessBlock(
      `${name}-public-access`,
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      { parent: this, ...UNTIL_BUCKET_GONE },
    );
    const ownership = new s3.BucketOwnershipControls(
      `${name}-ownership`,
      { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      { parent: this, dependsOn: block, ...UNTIL_BUCKET_GONE },
    );
    return [block, ownership];
  }

  private refuseUnsafeRequests(
    name: string,
    bucket: pulumi.Output<string>,
    policy: pulumi.Output<string>,
    access: pulumi.Resource[],
  ): void {
    new s3.BucketPolicy(
      `${name}-policy`,
      { bucket, policy },
      // One change at a time: S3 refuses a policy while the bucket's public access is being changed.
      { parent: this, dependsOn: access },
    );
  }

  private keepVersions(name: string, bucket: pulumi.Output<string>): pulumi.Resource {
    return new s3.BucketVersioning(
      `${name}-versioning`,
      { bucket, versioningConfiguration: { status: "Enabled" } },
      { parent: this, ...UNTIL_BUCKET_GONE },
    );
  }

  private encrypt(
    name: string,
    bucket: pulumi.Output<string>,
    kmsMasterKeyId: pulumi.Output<string>,
  ): void {
    new s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      {
        bucket,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId },
            bucketKeyEnabled: true,
          },
        ],
      },
      { parent: this, ...UNTIL_BUCKET_GONE },
    );
  }

  private expire(
    name: string,
    bucket: pulumi.Output<string>,
    settings: AppDataConfig["exports"],
    versioning: pulumi.Resource,
  ): void {
    new s3.BucketLifecycleConfiguration(
      `${name}-lifecycle`,
      {
        bucket,
        rules: [
          {
            id: "expire-exports",
            status: "Enabled",
            filter: { prefix: "" },
            expiration: { days: settings.expirationDays },
            noncurrentVersionExpiration: { noncurrentDays: settings.noncurrentExpirationDays },
            abortIncompleteMultipartUpload: { daysAfterInitiation: INCOMPLETE_UPLOAD_DAYS },
          },
          {
            // What is left of an export when its last version is gone.
            id: "remove-delete-markers",
            status: "Enabled",
            filter: { prefix: "" },
            expiration: { expiredObjectDeleteMarker: true },
          },
        ],
      },
      { parent: this, dependsOn: versioning },
    );
  }
}
