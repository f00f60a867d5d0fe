import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import {
  type Judged,
  type Path,
  type ResourceRule,
  type StackRule,
  type Verdict,
  broken,
  unjudged,
} from "./rule";
import { BUCKETS, BUCKET_ENCRYPTION, CLUSTER, INSTANCE, LOG_GROUP, SECRET } from "./types";
import { type Reading, read } from "../reading";

const topic = { code: "POL201", page: "storage-encrypted" };
const bucketControl = {
  id: "S3.17",
  title: "S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
};

/** What holds data is encrypted with a customer managed key. */
export const encryptionRules: readonly ResourceRule[] = [
  {
    // A key of AWS's own can not be given a policy, disabled or audited by us.
    name: "database-storage-encrypted",
    control: { id: "RDS.3", title: "RDS DB instances should have encryption at-rest enabled" },
    severity: "critical",
    description: "RDS storage, load records and master secret use a customer managed KMS key.",
    remediation:
      "Set `storageEncrypted: true` and `kmsKeyId`; an existing instance has to be restored from an encrypted copy of its snapshot.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: judgeDatabase,
  },
  {
    // What the console calls SSE-S3 is encryption with a key that everybody with access has.
    name: "bucket-encryption-key",
    control: bucketControl,
    severity: "high",
    description: "Bucket encryption uses a customer managed KMS key, with a bucket key.",
    remediation:
      'Set `sseAlgorithm: "aws:kms"`, `kmsMasterKeyId` and `bucketKeyEnabled: true` in every rule.',
    topic,
    types: BUCKET_ENCRYPTION,
    check: judgeBucketEncryption,
  },
  {
    name: "secret-encrypted",
    severity: "high",
    description: "Secrets Manager secrets are encrypted with a customer managed KMS key.",
    remediation: "Set `kmsKeyId`, in every replica region too.",
    topic,
    types: [SECRET],
    check: (resource) => {
      const replicas = read(resource.props, "replicas");
      const count =
        replicas.state === "known" && Array.isArray(replicas.value) ? replicas.value.length : 0;
      const paths = Array.from({ length: count }, (_, index) => ["replicas", index, "kmsKeyId"]);
      const unseen = replicas.state === "unknown" ? [unjudged(resource, ["replicas"])] : [];
      return [["kmsKeyId"], ...paths].flatMap((path) => demandKey(resource, path)).concat(unseen);
    },
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

function judgeDatabase(resource: Judged): Verdict[] {
  const encrypted = read(resource.props, "storageEncrypted");
  const verdicts: Verdict[] = [];
  if (encrypted.state === "unknown") verdicts.push(unjudged(resource, ["storageEncrypted"]));
  else if (encrypted.state === "absent" || encrypted.value !== true) {
    verdicts.push(
      broken(
        resource,
        `has storageEncrypted ${encrypted.state === "absent" ? "unset" : "off"}; ` +
          "it must be true. Set `storageEncrypted: true`; the storage is replaced.",
      ),
    );
  }
  if (!hasKeyOfSource(resource)) verdicts.push(...demandKey(resource, ["kmsKeyId"]));
  if (isOn(resource, "performanceInsightsEnabled")) {
    verdicts.push(...demandKey(resource, ["performanceInsightsKmsKeyId"]));
  }
  if (isOn(resource, "manageMasterUserPassword")) {
    verdicts.push(...demandKey(resource, ["masterUserSecretKmsKeyId"]));
  }
  return verdicts;
}

function judgeBucketEncryption(resource: Judged): Verdict[] {
  const rules = read(resource.props, "rules");
  if (rules.state === "unknown") return [unjudged(resource, ["rules"])];
  const count = rules.state === "known" && Array.isArray(rules.value) ? rules.value.length : 0;
  if (count === 0) {
    return [broken(resource, 'has no rules; one with sseAlgorithm "aws:kms" is required.')];
  }
  return Array.from({ length: count }, (_, index) => ["rules", index]).flatMap((rule) =>
    judgeRule(resource, rule),
  );
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

/** What is wrong with one rule of an encryption configuration. */
function judgeRule(resource: Judged, rule: Path): Verdict[] {
  const { props } = resource;
  const byDefault = [...rule, "applyServerSideEncryptionByDefault"];
  if (read(props, ...byDefault).state === "unknown") return [unjudged(resource, byDefault)];
  const verdicts: Verdict[] = [];
  const algorithm = read(props, ...byDefault, "sseAlgorithm");
  const isDoubled = algorithm.state === "known" && algorithm.value === "aws:kms:dsse";
  const isKms = algorithm.state === "known" && algorithm.value === "aws:kms";
  if (algorithm.state === "unknown") {
    verdicts.push(unjudged(resource, [...byDefault, "sseAlgorithm"]));
  } else if (!isDoubled && !isKms) {
    verdicts.push(
      broken(resource, 'has an sseAlgorithm other than "aws:kms". Set `sseAlgorithm: "aws:kms"`.'),
    );
  }
  const problem = keyProblem(read(props, ...byDefault, "kmsMasterKeyId"));
  if (problem !== undefined) {
    verdicts.push(
      broken(
        resource,
        `has kmsMasterKeyId ${problem}; a customer managed KMS key is required. ` +
          "Set `kmsMasterKeyId` to the ARN of the stack's own key.",
      ),
    );
  }
  // Without bucket keys every object costs a request to KMS; double encryption has none.
  const bucketKeys = read(props, ...rule, "bucketKeyEnabled");
  if (bucketKeys.state === "unknown") {
    verdicts.push(unjudged(resource, [...rule, "bucketKeyEnabled"]));
  } else if (!isDoubled && !(bucketKeys.state === "known" && bucketKeys.value === true)) {
    verdicts.push(
      broken(resource, "has bucketKeyEnabled off; it must be true. Set `bucketKeyEnabled: true`."),
    );
  }
  return verdicts;
}

function hasInlineEncryption(bucket: PolicyResource): boolean {
  const rule = ["serverSideEncryptionConfiguration", "rule"];
  return (
    read(bucket.props, ...rule).state === "known" &&
    judgeRule(bucket, rule).every(({ state }) => state !== "broken")
  );
}

function isOn({ props }: Judged, key: string): boolean {
  const reading = read(props, key);
  return reading.state === "known" && reading.value === true;
}
