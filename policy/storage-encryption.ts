import type {
  PolicyResource,
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { page } from "./page";
import { type Reading, read } from "./reading";

const instanceType = "aws:rds/instance:Instance";
const clusterType = "aws:rds/cluster:Cluster";
const secretType = "aws:secretsmanager/secret:Secret";
const logGroupType = "aws:cloudwatch/logGroup:LogGroup";
const bucketTypes = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"];
const bucketEncryptionTypes = [
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
];

const shared: Pick<ResourceValidationPolicy, "enforcementLevel" | "tags" | "url"> = {
  enforcementLevel: "mandatory",
  tags: ["aws", "encryption"],
  url: page("storage-encrypted"),
};

/** A key of AWS's own can not be given a policy, disabled or audited by us. */
const databaseEncrypted: ResourceValidationPolicy = {
  ...shared,
  name: "database-storage-encrypted",
  description: "RDS storage is encrypted with a customer managed KMS key.",
  severity: "critical",
  framework: securityHub("RDS.3", "RDS DB instances should have encryption at-rest enabled"),
  remediationSteps:
    "Set `storageEncrypted: true` and `kmsKeyId`; an existing instance has to be restored from an encrypted copy of its snapshot.",
  validateResource: (args, report) => {
    if (args.type !== instanceType && args.type !== clusterType) return;
    const encrypted = read(args.props, "storageEncrypted");
    if (encrypted.state === "absent" || (encrypted.state === "known" && encrypted.value !== true)) {
      report(
        `POL201 ${label(args)} has storageEncrypted ${encrypted.state === "absent" ? "unset" : "off"}; ` +
          "it must be true. Set `storageEncrypted: true`; the storage is replaced.",
      );
    }
    if (!hasKeyOfSource(args)) demandCustomerKey(args, ["kmsKeyId"], report);
  },
};

/** What the console calls SSE-S3 is encryption with a key that everybody with access has. */
const bucketKey: ResourceValidationPolicy = {
  ...shared,
  name: "bucket-encryption-key",
  description: "Bucket encryption uses a customer managed KMS key, with a bucket key.",
  severity: "high",
  framework: securityHub(
    "S3.17",
    "S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
  ),
  remediationSteps:
    'Set `sseAlgorithm: "aws:kms"`, `kmsMasterKeyId` and `bucketKeyEnabled: true` in every rule.',
  validateResource: (args, report) => {
    if (!bucketEncryptionTypes.includes(args.type)) return;
    const rules = read(args.props, "rules");
    if (rules.state === "unknown") return;
    const count = rules.state === "known" && Array.isArray(rules.value) ? rules.value.length : 0;
    if (count === 0) {
      report(`POL201 ${label(args)} has no rules; one with sseAlgorithm "aws:kms" is required.`);
    }
    for (let index = 0; index < count; index += 1) {
      for (const found of weaknesses(args.props, "rules", index)) {
        report(`POL201 ${label(args)} ${found}`);
      }
    }
  },
};

/** A bucket without a configuration of its own falls back to SSE-S3. */
const bucketEncrypted: StackValidationPolicy = {
  ...shared,
  name: "bucket-encrypted",
  description: "Every S3 bucket has an encryption configuration.",
  severity: "high",
  framework: securityHub(
    "S3.17",
    "S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
  ),
  remediationSteps: "Add a BucketServerSideEncryptionConfiguration for the bucket.",
  validateStack: ({ resources }, report) => {
    const configurations = resources.filter(({ type }) => bucketEncryptionTypes.includes(type));
    for (const bucket of resources.filter(({ type }) => bucketTypes.includes(type))) {
      if (configurations.some((configuration) => configures(configuration, bucket))) continue;
      if (hasInlineEncryption(bucket)) continue;
      report(
        `POL201 ${label(bucket)} has no encryption configuration; it must be encrypted with a ` +
          "customer managed KMS key. Add a BucketServerSideEncryptionConfiguration for it.",
        bucket.urn,
      );
    }
  },
};

const secretEncrypted: ResourceValidationPolicy = {
  ...shared,
  name: "secret-encrypted",
  description: "Secrets Manager secrets are encrypted with a customer managed KMS key.",
  severity: "high",
  remediationSteps: "Set `kmsKeyId`, in every replica region too.",
  validateResource: (args, report) => {
    if (args.type !== secretType) return;
    demandCustomerKey(args, ["kmsKeyId"], report);
    const replicas = read(args.props, "replicas");
    if (replicas.state !== "known" || !Array.isArray(replicas.value)) return;
    for (let index = 0; index < replicas.value.length; index += 1) {
      demandCustomerKey(args, ["replicas", index, "kmsKeyId"], report);
    }
  },
};

const logGroupEncrypted: ResourceValidationPolicy = {
  ...shared,
  name: "log-group-encrypted",
  description: "CloudWatch log groups are encrypted with a customer managed KMS key.",
  severity: "medium",
  remediationSteps: "Set `kmsKeyId` to a key whose policy lets CloudWatch Logs use it.",
  validateResource: (args, report) => {
    if (args.type === logGroupType) demandCustomerKey(args, ["kmsKeyId"], report);
  },
};

/** The policies on storage that judge one resource. */
export const storageResourcePolicies: readonly ResourceValidationPolicy[] = [
  databaseEncrypted,
  bucketKey,
  secretEncrypted,
  logGroupEncrypted,
];

/** The policies on storage that judge the whole stack. */
export const storageStackPolicies: readonly StackValidationPolicy[] = [bucketEncrypted];

type Path = readonly (string | number)[];

/** A key that is set but not known yet is one of the stack's own, so it counts. */
function demandCustomerKey(
  args: ResourceValidationArgs,
  path: Path,
  report: ReportViolation,
): void {
  const problem = keyProblem(read(args.props, ...path));
  if (problem === undefined) return;
  const property = path.join(".");
  report(
    `POL201 ${label(args)} has ${property} ${problem}; a customer managed KMS key is required. ` +
      `Set \`${path.at(-1)}\` to the ARN of the stack's own key.`,
  );
}

function keyProblem(key: Reading): string | undefined {
  if (key.state === "unknown") return undefined;
  if (key.state === "absent" || key.value === "") return "unset, which means a key of AWS's own";
  if (typeof key.value !== "string") return "set to what is not a string";
  return /(^|:)alias\/aws\//.test(key.value) ? "set to a key of AWS's own" : undefined;
}

/** A replica in the same region is always encrypted as its source, and may not name a key. */
function hasKeyOfSource({ type, props }: ResourceValidationArgs): boolean {
  if (type !== instanceType || read(props, "kmsKeyId").state !== "absent") return false;
  const source = read(props, "replicateSourceDb");
  if (source.state === "known") return !String(source.value).startsWith("arn:");
  return source.state === "unknown";
}

/** What is wrong with one rule of an encryption configuration. */
function weaknesses(properties: unknown, ...rule: Path): string[] {
  const found: string[] = [];
  const byDefault = [...rule, "applyServerSideEncryptionByDefault"];
  if (read(properties, ...byDefault).state === "unknown") return found;
  const algorithm = read(properties, ...byDefault, "sseAlgorithm");
  const isDoubled = algorithm.state === "known" && algorithm.value === "aws:kms:dsse";
  if (algorithm.state !== "unknown" && !isDoubled && !isKms(algorithm)) {
    found.push('has an sseAlgorithm other than "aws:kms". Set `sseAlgorithm: "aws:kms"`.');
  }
  const problem = keyProblem(read(properties, ...byDefault, "kmsMasterKeyId"));
  if (problem !== undefined) {
    found.push(
      `has kmsMasterKeyId ${problem}; a customer managed KMS key is required. ` +
        "Set `kmsMasterKeyId` to the ARN of the stack's own key.",
    );
  }
  // Without bucket keys every object costs a request to KMS; double encryption has none.
  const bucketKeys = read(properties, ...rule, "bucketKeyEnabled");
  const isOn =
    bucketKeys.state === "unknown" || (bucketKeys.state === "known" && bucketKeys.value === true);
  if (!isOn && !isDoubled) {
    found.push("has bucketKeyEnabled off; it must be true. Set `bucketKeyEnabled: true`.");
  }
  return found;
}

function isKms(algorithm: Reading): boolean {
  return algorithm.state === "known" && algorithm.value === "aws:kms";
}

/** The link is known even while the bucket's name is not. */
function configures(configuration: PolicyResource, bucket: PolicyResource): boolean {
  const linked = configuration.propertyDependencies["bucket"] ?? [];
  if (linked.some(({ urn }) => urn === bucket.urn)) return true;
  const named = read(configuration.props, "bucket");
  const name = read(bucket.props, "bucket");
  return named.state === "known" && name.state === "known" && named.value === name.value;
}

function hasInlineEncryption(bucket: PolicyResource): boolean {
  const rule = ["serverSideEncryptionConfiguration", "rule"] as const;
  const found = read(bucket.props, ...rule);
  return found.state === "known" && weaknesses(bucket.props, ...rule).length === 0;
}

function label({ type, name }: { type: string; name: string }): string {
  return `${type.split(":").at(-1)} ${name}`;
}

function securityHub(control: string, title: string) {
  return {
    name: "AWS Foundational Security Best Practices",
    version: "1.0.0",
    reference: control,
    specification: title,
  };
}
