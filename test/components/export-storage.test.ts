import type { Environment } from "../../components/config";
import { ExportStorage } from "../../components/export-storage";
import { configOf, type Settings } from "./environments";
import {
  countTypes,
  only,
  policyOf,
  protectedNames,
  record,
  valueOf,
  type RecordedProgram,
} from "./recorded-program";

const tags = { Project: "app-data" };
const BUCKET = "app-data-prod-exports-123456789012";
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/exports-key";

function program(
  environment: Environment,
  changes: Settings = {},
): Promise<RecordedProgram<ExportStorage>> {
  return record(environment, (options) => {
    const { exports: settings, protect } = configOf(environment, changes);
    return new ExportStorage("exports", { settings, protect, tags }, options);
  });
}

describe("ExportStorage", () => {
  it("is these resources", async () => {
    expect(countTypes(await program("prod"))).toEqual({
      "app-data:storage:ExportStorage": 1,
      "aws:kms/alias:Alias": 1,
      "aws:kms/key:Key": 1,
      "aws:s3/bucket:Bucket": 1,
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": 1,
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 1,
      "aws:s3/bucketPolicy:BucketPolicy": 1,
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 1,
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 1,
      "aws:s3/bucketVersioning:BucketVersioning": 1,
    });
  });

  it.each<[Environment, boolean]>([
    ["local", true],
    ["dev", true],
    ["staging", false],
    ["prod", false],
  ])("is a bucket that in %s goes with its objects: %s", async (environment, forceDestroy) => {
    expect(only(await program(environment), "aws:s3/bucket:Bucket").inputs).toEqual({
      bucket: `app-data-${environment}-exports-123456789012`,
      forceDestroy,
      ...(environment === "local" ? {} : { tags }),
    });
  });

  it("is closed to the public, without access lists, and keeps versions", async () => {
    const recorded = await program("prod");
    const block = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
    expect(only(recorded, block).inputs).toEqual({
      bucket: BUCKET,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const ownership = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
    expect(only(recorded, ownership).inputs).toEqual({
      bucket: BUCKET,
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
    expect(only(recorded, "aws:s3/bucketVersioning:BucketVersioning").inputs).toEqual({
      bucket: BUCKET,
      versioningConfiguration: { status: "Enabled" },
    });
  });

  it("encrypts with its own key, by way of a bucket key", async () => {
    const encryption =
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    expect(only(await program("prod"), encryption).inputs).toEqual({
      bucket: BUCKET,
      rules: [
        {
          applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: KEY },
          bucketKeyEnabled: true,
        },
      ],
    });
  });

  it("deletes exports, old versions and what uploads left behind", async () => {
    const lifecycle = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
    const changes = { "exports.expirationDays": 20, "exports.noncurrentExpirationDays": 3 };
    expect(only(await program("prod", changes), lifecycle).inputs).toEqual({
      bucket: BUCKET,
      rules: [
        {
          id: "expire-exports",
          status: "Enabled",
          filter: { prefix: "" },
          expiration: { days: 20 },
          noncurrentVersionExpiration: { noncurrentDays: 3 },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
        },
        {
          id: "remove-delete-markers",
          status: "Enabled",
          filter: { prefix: "" },
          expiration: { expiredObjectDeleteMarker: true },
        },
      ],
    });
  });

  it("refuses plain connections, old signatures, other encryption and other keys", async () => {
    const bucket = `arn:aws:s3:::${BUCKET}`;
    const objects = [`${bucket}/*`];
    const deny = { Effect: "Deny", Principal: "*" };
    const algorithm = "s3:x-amz-server-side-encryption";
    const key = "s3:x-amz-server-side-encryption-aws-kms-key-id";
    expect(policyOf(only(await program("prod"), "aws:s3/bucketPolicy:BucketPolicy"))).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          ...deny,
          Sid: "RefusePlainText",
          Action: "s3:*",
          Resource: [bucket, ...objects],
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
        {
          ...deny,
          Sid: "RefuseOldTls",
          Action: "s3:*",
          Resource: [bucket, ...objects],
          Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } },
        },
        {
          ...deny,
          Sid: "RefuseOldSignatures",
          Action: "s3:*",
          Resource: objects,
          Condition: { NumericGreaterThan: { "s3:signatureAge": "900000" } },
        },
        {
          ...deny,
          Sid: "RefuseOtherEncryption",
          Action: "s3:PutObject",
          Resource: objects,
          Condition: {
            StringNotEquals: { [algorithm]: "aws:kms" },
            Null: { [algorithm]: "false" },
          },
        },
        {
          ...deny,
          Sid: "RefuseOtherKeys",
          Action: "s3:PutObject",
          Resource: objects,
          Condition: { StringNotEquals: { [key]: KEY }, Null: { [key]: "false" } },
        },
      ],
    });
  });

  it("has no such policy where the configuration does without", async () => {
    const counts = countTypes(await program("local"));
    expect(counts).toHaveProperty(["aws:s3/bucket:Bucket"], 1);
    expect(counts).not.toHaveProperty(["aws:s3/bucketPolicy:BucketPolicy"]);
  });

  it("has a key that is of use for this bucket alone", async () => {
    const recorded = await program("prod");
    const key = only(recorded, "aws:kms/key:Key");
    expect(key.inputs).toEqual({
      description: "Users' exports in S3",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: expect.any(String),
      tags,
    });
    expect(only(recorded, "aws:kms/alias:Alias").inputs).toEqual({
      name: "alias/app-data-prod-exports",
      targetKeyId: "exports-key-key-id",
    });
    expect(policyOf(key)).toMatchObject({
      Statement: [
        { Sid: "AdministerAsAccount" },
        {
          Sid: "UseThroughServices",
          Principal: { AWS: "arn:aws:iam::123456789012:root" },
          Condition: {
            ArnEquals: { "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::${BUCKET}` },
            StringEquals: {
              "kms:CallerAccount": "123456789012",
              "kms:ViaService": ["s3.eu-central-1.amazonaws.com"],
            },
          },
        },
      ],
    });
  });

  it("is protected, with its key, in staging and prod alone", async () => {
    const both = ["aws:kms/key:Key exports-key", "aws:s3/bucket:Bucket exports"];
    expect(protectedNames(await program("prod"))).toEqual(both);
    expect(protectedNames(await program("staging"))).toEqual(both);
    expect(protectedNames(await program("dev"))).toEqual([]);
  });

  it("keeps what guards the objects until the bucket is gone", async () => {
    const { options } = await program("dev");
    const kept = options.filter(({ retainOnDelete }) => retainOnDelete).map(({ name }) => name);
    expect(kept).toEqual([
      "exports-public-access",
      "exports-ownership",
      "exports-versioning",
      "exports-encryption",
    ]);
  });

  it("changes access one step at a time", async () => {
    const { options } = await program("prod");
    const steps = options.map(({ name, dependsOn }) => [name, dependsOn]);
    expect(steps).toContainEqual(["exports-ownership", 1]);
    expect(steps).toContainEqual(["exports-policy", 2]);
    expect(steps).toContainEqual(["exports-lifecycle", 1]);
  });

  it("returns where exports go", async () => {
    const { result } = await program("prod");
    expect(await valueOf(result.bucketName)).toBe(BUCKET);
    expect(await valueOf(result.keyArn)).toBe(KEY);
  });
});
