import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import {
  type Judged,
  type Path,
  type ResourceRule,
  type StackRule,
  type Verdict,
  broken,
  demand,
  forEachOf,
  unjudged,
} from "./rule";
import {
  BUCKETS,
  BUCKET_ENCRYPTION,
  CLUSTER,
  CLUSTER_INSTANCE,
  INSTANCE,
  LOG_GROUP,
  SECRET,
} from "./types";
import { type Reading, read } from "../reading";

const topic = { code: "POL201", page: "storage-encrypted" };
const DOUBLE_ENCRYPTION = "aws:kms:dsse";
const ALGORITHM_BY_DEFAULT = ["applyServerSideEncryptionByDefault", "sseAlgorithm"];
const KEY_BY_DEFAULT = ["applyServerSideEncryptionByDefault", "kmsMasterKeyId"];
const bucketControl = {
  id: "S3.17",
  title: "S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
};

/** What holds data is encrypted with a customer managed key. */
export const encryptionRules: readonly ResourceRule[] = [
  {
    name: "database-storage-encrypted",
    control: { id: "RDS.3", title: "RDS DB instances should have encryption at-rest enabled" },
    severity: "critical",
    description: "The storage of a database is encrypted.",
    remediation:
      "Set `storageEncrypted: true`; an existing instance has to be restored from an encrypted copy of its snapshot.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) =>
      demand(resource, ["storageEncrypted"], (value) =>
        value === true
          ? undefined
          : `has storageEncrypted ${value === undefined ? "unset" : "off"}; ` +
            "it must be true. Set `storageEncrypted: true`; the storage is replaced.",
      ),
  },
  {
    // A key of AWS's own cannot be given a policy, disabled or audited by us.
    name: "database-storage-key",
    severity: "critical",
    description: "The storage of a database is encrypted with a customer managed KMS key.",
    remediation:
      "Set `kmsKeyId`; an existing instance has to be restored from an encrypted copy of its snapshot.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) => (hasKeyOfSource(resource) ? [] : demandKey(resource, ["kmsKeyId"])),
  },
  {
    name: "database-load-key",
    severity: "high",
    description: "Load records are encrypted with a customer managed KMS key.",
    remediation: "Set `performanceInsightsKmsKeyId`.",
    topic,
    types: [INSTANCE, CLUSTER, CLUSTER_INSTANCE],
    check: demandKeyWhere("performanceInsightsEnabled", "performanceInsightsKmsKeyId"),
  },
  {
    name: "database-master-key",
    severity: "critical",
    description: "The master's secret is encrypted with a customer managed KMS key.",
    remediation: "Set `masterUserSecretKmsKeyId`.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: demandKeyWhere("manageMasterUserPassword", "masterUserSecretKmsKeyId"),
  },
  {
    // What the console calls SSE-S3 is encryption with a key that everybody with access has.
    name: "bucket-encryption-algorithm",
    control: bucketControl,
    severity: "high",
    description: "Bucket encryption uses KMS.",
    remediation: 'Set `sseAlgorithm: "aws:kms"` in every rule.',
    topic,
    types: BUCKET_ENCRYPTION,
    check: judgeAlgorithms,
  },
  {
    name: "bucket-encryption-key",
    control: bucketControl,
    severity: "high",
    description: "Bucket encryption uses a customer managed KMS key.",
    remediation: "Set `kmsMasterKeyId` in every rule.",
    topic,
    types: BUCKET_ENCRYPTION,
    check: (resource) =>
      forEachOf(resource, ["rules"], (rule) => demandKey(resource, [...rule, ...KEY_BY_DEFAULT])),
  },
  {
    name: "bucket-key-enabled",
    severity: "low",
    description:
      "Bucket encryption uses a bucket key, so that not every object costs a request to KMS.",
    remediation: "Set `bucketKeyEnabled: true` in every rule.",
    topic,
    types: BUCKET_ENCRYPTION,
    check: (resource) => forEachOf(resource, ["rules"], (rule) => demandBucketKey(resource, rule)),
  },
  {
    name: "secret-encrypted",
    severity: "high",
    description: "Secrets Manager secrets are encrypted with a customer managed KMS key.",
    remediation: "Set `kmsKeyId`.",
    topic,
    types: [SECRET],
    check: (resource) => demandKey(resource, ["kmsKeyId"]),
  },
  {
    name: "secret-replicas-encrypted",
    severity: "high",
    description: "Replicas of secrets are encrypted with a customer managed KMS key.",
    remediation: "Set `kmsKeyId` of every replica.",
    topic,
    types: [SECRET],
    check: (resource) =>
      forEachOf(resource, ["replicas"], (replica) => demandKey(resource, [...replica, "kmsKeyId"])),
  },
  {
    name: "log-group-encrypted",
    severity: "medium",
    description: "CloudWatch log groups are encrypted with a customer managed KMS key.",
    remediation: "Set `kmsKeyId` to a key whose policy lets CloudWatch Logs use it.",
    topic,
    types: [LOG_GROUP],
    check: (resource) => demandKey(resource, ["kmsKeyId"]),
  },
];

/** A bucket without a configuration of its own falls back to SSE-S3. */
export const bucketEncryptedRule: StackRule = {
  name: "bucket-encrypted",
  control: bucketControl,
  severity: "high",
  description: "Every S3 bucket has an encryption configuration.",
  remediation: "Add a BucketServerSideEncryptionConfiguration for the bucket.",
  topic,
  checkStack: (resources) => {
    const configurations = resources.filter(({ type }) => BUCKET_ENCRYPTION.includes(type));
    return resources
      .filter(({ type }) => BUCKETS.includes(type))
      .filter(
        (bucket) =>
          !configurations.some((each) => refersTo(each, "bucket", bucket, "bucket", "id")),
      )
      .filter((bucket) => !hasInlineEncryption(bucket))
      .map((bucket) =>
        broken(
          bucket,
          "has no encryption configuration; it must be encrypted with a customer managed KMS key. " +
            "Add a BucketServerSideEncryptionConfiguration for it.",
        ),
      );
  },
};

/** Demands a key for what is encrypted only where it is there at all. */
function demandKeyWhere(isThere: string, key: string): ResourceRule["check"] {
  return (resource) => {
    const there = read(resource.props, isThere);
    if (there.state === "unknown") return [unjudged(resource, [isThere])];
    return there.state === "known" && there.value === true ? demandKey(resource, [key]) : [];
  };
}

function judgeAlgorithms(resource: Judged): Verdict[] {
  const rules = read(resource.props, "rules");
  const isEmpty =
    rules.state === "absent" ||
    (rules.state === "known" && Array.isArray(rules.value) && rules.value.length === 0);
  if (isEmpty)
    return [broken(resource, 'has no rules; one with sseAlgorithm "aws:kms" is required.')];
  return forEachOf(resource, ["rules"], (rule) => demandKms(resource, rule));
}

/** A key that is not known yet is one still to be made; `own-keys` asks by whom. */
function demandKey(resource: Judged, path: Path): Verdict[] {
  const problem = keyProblem(read(resource.props, ...path));
  if (problem === undefined) return [];
  return [
    broken(
      resource,
      `has ${path.join(".")} ${problem}; a customer managed KMS key is required. ` +
        `Set \`${path.at(-1)}\` to the ARN of the stack's own key.`,
    ),
  ];
}

function keyProblem(key: Reading): string | undefined {
  if (key.state === "unknown") return undefined;
  if (key.state === "absent" || key.value === "") return "unset, which means a key of AWS's own";
  if (typeof key.value !== "string") return "set to what is not a string";
  return /(^|:)alias\/aws\//.test(key.value) ? "set to a key of AWS's own" : undefined;
}

/** A replica in the same region is always encrypted as its source, and may not name a key. */
function hasKeyOfSource({ type, props }: Judged): boolean {
  if (type !== INSTANCE || read(props, "kmsKeyId").state !== "absent") return false;
  const source = read(props, "replicateSourceDb");
  if (source.state === "known") return !String(source.value).startsWith("arn:");
  return source.state === "unknown";
}

function demandKms(resource: Judged, rule: Path): Verdict[] {
  return demand(resource, [...rule, ...ALGORITHM_BY_DEFAULT], (algorithm) =>
    algorithm === "aws:kms" || algorithm === DOUBLE_ENCRYPTION
      ? undefined
      : 'has an sseAlgorithm other than "aws:kms". Set `sseAlgorithm: "aws:kms"`.',
  );
}

/** Double encryption has no bucket keys. */
function demandBucketKey(resource: Judged, rule: Path): Verdict[] {
  const algorithm = read(resource.props, ...rule, ...ALGORITHM_BY_DEFAULT);
  if (algorithm.state === "unknown")
    return [unjudged(resource, [...rule, ...ALGORITHM_BY_DEFAULT])];
  if (algorithm.state === "known" && algorithm.value === DOUBLE_ENCRYPTION) return [];
  return demand(resource, [...rule, "bucketKeyEnabled"], (value) => {
    if (value === true) return undefined;
    return "has bucketKeyEnabled off; it must be true. Set `bucketKeyEnabled: true`.";
  });
}

function hasInlineEncryption(bucket: PolicyResource): boolean {
  const rule = ["serverSideEncryptionConfiguration", "rule"];
  return (
    read(bucket.props, ...rule).state === "known" &&
    [
      ...demandKms(bucket, rule),
      ...demandKey(bucket, [...rule, ...KEY_BY_DEFAULT]),
      ...demandBucketKey(bucket, rule),
    ].every(({ state }) => state !== "broken")
  );
}
