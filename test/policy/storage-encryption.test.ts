import { awsPoliciesOf } from "./aws-policies";
import { type Fixture, judgeResource, judgeStack, unknown } from "./judging";

const key = "arn:aws:kms:eu-central-1:111122223333:key/1";
const ownKey = "Set `kmsKeyId` to the ARN of the stack's own key.";
const required = "a customer managed KMS key is required.";

const rule = {
  applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key },
  bucketKeyEnabled: true,
};
const instance = {
  type: "aws:rds/instance:Instance",
  props: { storageEncrypted: true, kmsKeyId: key },
};
const cluster = { ...instance, type: "aws:rds/cluster:Cluster" };
const secret = { type: "aws:secretsmanager/secret:Secret", props: { kmsKeyId: key } };
const logGroup = { type: "aws:cloudwatch/logGroup:LogGroup", props: { kmsKeyId: key } };
const encryption = {
  type: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  props: { bucket: "exports", rules: [rule] },
};
const bucket = { type: "aws:s3/bucket:Bucket", name: "exports", props: { bucket: "exports" } };

const policies = awsPoliciesOf("prod", "storage-encrypted");

const judge = (fixture: Fixture, props: Record<string, unknown> = {}) =>
  judgeResource(policies, {
    ...fixture,
    props: { ...fixture.props, ...props },
  });
const judgeRule = (changed: Record<string, unknown>) =>
  judge(encryption, { rules: [{ ...rule, ...changed }] });

describe("policies on storage", () => {
  it.each([instance, cluster, secret, logGroup, encryption])(
    "say nothing of a compliant $type",
    async (fixture) => expect(await judge(fixture)).toEqual([]),
  );

  it("take a key that is not known yet for one of the stack's own", async () => {
    for (const fixture of [instance, cluster, secret, logGroup]) {
      expect(await judge(fixture, { kmsKeyId: unknown })).toEqual([]);
    }
    expect(await judge(instance, { storageEncrypted: unknown })).toEqual([]);
    expect(await judge(encryption, { rules: unknown })).toEqual([]);
    expect(await judgeRule({ applyServerSideEncryptionByDefault: unknown })).toEqual([]);
    const byDefault = { sseAlgorithm: unknown, kmsMasterKeyId: unknown };
    const changed = { applyServerSideEncryptionByDefault: byDefault, bucketKeyEnabled: unknown };
    expect(await judgeRule(changed)).toEqual([]);
    expect(await judge(secret, { replicas: unknown })).toEqual([]);
  });

  it("refuse a database that is not encrypted", async () => {
    const advice = "it must be true. Set `storageEncrypted: true`; the storage is replaced.";
    expect(await judge(instance, { storageEncrypted: undefined })).toEqual([
      `database-storage-encrypted: POL201 Instance it has storageEncrypted unset; ${advice}`,
    ]);
    expect(await judge(cluster, { storageEncrypted: false })).toEqual([
      `database-storage-encrypted: POL201 Cluster it has storageEncrypted off; ${advice}`,
    ]);
  });

  it.each([
    ["database-storage-key: POL201 Instance", instance],
    ["secret-encrypted: POL201 Secret", secret],
    ["log-group-encrypted: POL201 LogGroup", logGroup],
  ])("refuse a key of AWS's own: %s", async (start, fixture) => {
    const unset = `${start} it has kmsKeyId unset, which means a key of AWS's own; ${required} ${ownKey}`;
    expect(await judge(fixture, { kmsKeyId: undefined })).toEqual([unset]);
    expect(await judge(fixture, { kmsKeyId: "" })).toEqual([unset]);
    for (const alias of ["alias/aws/rds", "arn:aws:kms:eu-central-1:111122223333:alias/aws/rds"]) {
      expect(await judge(fixture, { kmsKeyId: alias })).toEqual([
        `${start} it has kmsKeyId set to a key of AWS's own; ${required} ${ownKey}`,
      ]);
    }
    expect(await judge(fixture, { kmsKeyId: "alias/app-data" })).toEqual([]);
  });

  it("demand a key of ours for load records and the master's secret, where they are", async () => {
    const there = { performanceInsightsEnabled: true, manageMasterUserPassword: true };
    const said = await judge(instance, there);
    expect(said.map((line) => line.slice(0, line.indexOf(":")))).toEqual([
      "database-load-key",
      "database-master-key",
    ]);
    const perhaps = { performanceInsightsEnabled: unknown, manageMasterUserPassword: unknown };
    expect(await judge(instance, perhaps)).toEqual([]);
    const keys = { performanceInsightsKmsKeyId: key, masterUserSecretKmsKeyId: key };
    expect(await judge(instance, { ...there, ...keys })).toEqual([]);
  });

  it("let a replica in the same region take the key of its source", async () => {
    const replica = { kmsKeyId: undefined, replicateSourceDb: "main" };
    expect(await judge(instance, replica)).toEqual([]);
    expect(await judge(instance, { ...replica, replicateSourceDb: unknown })).toEqual([]);
    const abroad = { ...replica, replicateSourceDb: "arn:aws:rds:us-east-1:111122223333:db:main" };
    expect(await judge(instance, abroad)).toHaveLength(1);
  });

  it("judge the replicas of a secret", async () => {
    const replicas = [{ region: "eu-west-1", kmsKeyId: key }, { region: "eu-west-2" }];
    expect(await judge(secret, { replicas })).toEqual([
      "secret-replicas-encrypted: POL201 Secret it has replicas.1.kmsKeyId unset, which means a key of AWS's " +
        `own; ${required} ${ownKey}`,
    ]);
  });

  it("refuse bucket encryption without KMS, without a customer key, without bucket keys", async () => {
    const about = "POL201 BucketServerSideEncryptionConfiguration it has";
    const noKey =
      `bucket-encryption-key: ${about} rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId unset, ` +
      `which means a key of AWS's own; ${required} ` +
      "Set `kmsMasterKeyId` to the ARN of the stack's own key.";
    const sse = { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } };
    expect(await judgeRule(sse)).toEqual([
      `bucket-encryption-algorithm: ${about} an sseAlgorithm other than "aws:kms". Set \`sseAlgorithm: "aws:kms"\`.`,
      noKey,
    ]);
    const noMasterKey = { applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms" } };
    expect(await judgeRule(noMasterKey)).toEqual([noKey]);
    for (const bucketKeyEnabled of [false, undefined]) {
      expect(await judgeRule({ bucketKeyEnabled })).toEqual([
        `bucket-key-enabled: ${about} bucketKeyEnabled off; it must be true. Set \`bucketKeyEnabled: true\`.`,
      ]);
    }
    expect(await judge(encryption, { rules: [] })).toEqual([
      `bucket-encryption-algorithm: ${about} no rules; one with sseAlgorithm "aws:kms" is required.`,
    ]);
  });

  it("accept double encryption, which has no bucket keys", async () => {
    const byDefault = { sseAlgorithm: "aws:kms:dsse", kmsMasterKeyId: key };
    const changed = { applyServerSideEncryptionByDefault: byDefault, bucketKeyEnabled: undefined };
    expect(await judgeRule(changed)).toEqual([]);
  });
});

describe("bucket-encrypted", () => {
  const judgeBuckets = (...fixtures: Fixture[]) => judgeStack(policies, fixtures);
  const refusal =
    "bucket-encrypted: POL201 Bucket exports has no encryption configuration; it must be encrypted " +
    "with a customer managed KMS key. Add a BucketServerSideEncryptionConfiguration for it.";

  it("finds the configuration by name", async () => {
    expect(await judgeBuckets(bucket, encryption)).toEqual([]);
  });

  it("finds the configuration by its dependency while names are unknown", async () => {
    const linked = {
      ...encryption,
      props: { bucket: unknown },
      propertyDependencies: { bucket: ["exports"] },
    };
    expect(await judgeBuckets({ ...bucket, props: { bucket: unknown } }, linked)).toEqual([]);
  });

  it("accepts encryption that is part of the bucket", async () => {
    const props = { bucket: "exports", serverSideEncryptionConfiguration: { rule } };
    expect(await judgeBuckets({ ...bucket, props })).toEqual([]);
  });

  it("refuses a bucket without one, and with that of another bucket", async () => {
    expect(await judgeBuckets(bucket)).toEqual([refusal]);
    const other = { ...encryption, props: { bucket: "logs", rules: [rule] } };
    expect(await judgeBuckets(bucket, other)).toEqual([refusal]);
    const elsewhere = { ...encryption, props: { bucket: unknown } };
    expect(await judgeBuckets({ ...bucket, props: { bucket: unknown } }, elsewhere)).toEqual([
      refusal,
    ]);
  });
});
