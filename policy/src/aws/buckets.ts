import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import { type Statement, allows, isAboutEverybody, judgePolicy } from "./policy-document";
import { type StackRule, type Verdict, broken, demand, demandOn, lastingOnly } from "./rule";
import {
  BUCKETS,
  BUCKET_LOGGING,
  BUCKET_POLICY,
  LIFECYCLE,
  OWNERSHIP,
  PUBLIC_ACCESS_BLOCK,
  VERSIONING,
} from "./types";
import { read } from "../reading";

const topic = { code: "POL179", page: "buckets" };

/** What belongs to every bucket: each is a resource of its own, whose absence has to be seen. */
export const bucketRules: readonly StackRule[] = [
  {
    name: "bucket-not-public",
    control: {
      id: "S3.8",
      title: "S3 general purpose buckets should block public access",
    },
    severity: "high",
    description: "Every bucket blocks public access in all four ways.",
    remediation: "Add a BucketPublicAccessBlock with all four switches on.",
    topic,
    checkStack: forEachBucket("BucketPublicAccessBlock", [PUBLIC_ACCESS_BLOCK], (block) =>
      ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].flatMap(
        (key) => demandOn(block, key),
      ),
    ),
  },
  {
    name: "bucket-acls-off",
    control: {
      id: "S3.12",
      title: "ACLs should not be used to manage user access to S3 general purpose buckets",
    },
    severity: "medium",
    description: "Access lists are off: policies alone say who may do what.",
    remediation: 'Add BucketOwnershipControls with `objectOwnership: "BucketOwnerEnforced"`.',
    topic,
    checkStack: forEachBucket("BucketOwnershipControls", [OWNERSHIP], (controls) =>
      demand(controls, ["rule", "objectOwnership"], (value) =>
        value === "BucketOwnerEnforced"
          ? undefined
          : 'has objectOwnership other than "BucketOwnerEnforced", so access lists work. Set it.',
      ),
    ),
  },
  {
    name: "bucket-versioning",
    control: {
      id: "S3.14",
      title: "S3 general purpose buckets should have versioning enabled",
    },
    severity: "low",
    description: "A deleted or overwritten object can be brought back for some days.",
    remediation: 'Add a BucketVersioning with `status: "Enabled"`.',
    topic,
    checkStack: forEachBucket("BucketVersioning", VERSIONING, (versioning) =>
      demand(versioning, ["versioningConfiguration", "status"], (value) =>
        value === "Enabled"
          ? undefined
          : 'has a status other than "Enabled". Set `versioningConfiguration.status: "Enabled"`.',
      ),
    ),
  },
  {
    name: "bucket-lifecycle",
    control: {
      id: "S3.13",
      title:
        "S3 general purpose buckets should have Lifecycle configurations (S3.10: with versioning, too)",
    },
    severity: "low",
    description: "Objects, their old versions and unfinished uploads are deleted by age.",
    remediation: "Add a BucketLifecycleConfiguration with the three ages.",
    topic,
    checkStack: forEachBucket("BucketLifecycleConfiguration", LIFECYCLE, (lifecycle) =>
      demand(lifecycle, ["rules"], (rules) => {
        const missing = missingAges(rules);
        return missing.length === 0
          ? undefined
          : `has no enabled rule with ${missing.join(", ")}; users' files must not stay for ever. Add it.`;
      }),
    ),
  },
  {
    name: "bucket-tls",
    control: {
      id: "S3.5",
      title: "S3 general purpose buckets should require requests to use SSL",
    },
    severity: "medium",
    description: "The policy of every bucket refuses plain connections and TLS below 1.2.",
    remediation: "Refuse what has `aws:SecureTransport` false or `s3:TlsVersion` below 1.2.",
    topic,
    // The emulator has no TLS.
    levels: { local: "disabled" },
    checkStack: forEachBucket("BucketPolicy", [BUCKET_POLICY], (policy) =>
      judgePolicy(policy, ["policy"], (statements) => [
        ...demandRefusal(policy, statements, "plain connections", isPlain),
        ...demandRefusal(policy, statements, "TLS below 1.2", isOldTls),
      ]),
    ),
  },
  {
    name: "bucket-requests",
    control: {
      id: "S3.6",
      title: "S3 general purpose bucket policies should restrict access to other AWS accounts",
    },
    severity: "high",
    description:
      "The policy of every bucket allows nobody by itself, and refuses old signatures and other keys.",
    remediation: "Give rights by IAM; refuse by `s3:signatureAge` and by the encryption headers.",
    topic,
    levels: { local: "disabled" },
    checkStack: (resources) =>
      policiesOfBuckets(resources).flatMap((policy) =>
        judgePolicy(policy, ["policy"], (statements) => [
          ...statements
            .filter(({ effect, principals }) => effect === "Allow" && principals.some(isAnybody))
            .map(() =>
              broken(
                policy,
                "allows another account or everybody; a bucket policy must only refuse. " +
                  "Give the right by IAM in this account.",
              ),
            ),
          ...demandRefusal(policy, statements, "requests signed long ago", isOldSignature),
          ...demandRefusal(policy, statements, "encryption without KMS", isOtherEncryption),
          ...demandRefusal(policy, statements, "encryption with another key", isOtherKey),
        ]),
      ),
  },
  {
    name: "bucket-access-logged",
    control: {
      id: "S3.9",
      title: "S3 general purpose buckets should have server access logging enabled",
    },
    severity: "medium",
    description: "Who read which object is written down.",
    remediation: "Add a BucketLogging with a bucket for the logs.",
    topic,
    levels: lastingOnly,
    checkStack: forEachBucket("BucketLogging", BUCKET_LOGGING, (logging) =>
      demand(logging, ["targetBucket"], (value) =>
        typeof value === "string" && value !== ""
          ? undefined
          : "has no targetBucket; the log must go somewhere. Set `targetBucket`.",
      ),
    ),
  },
];

/** A check of the resource that gives a bucket what `kind` stands for; a bucket without one fails. */
function forEachBucket(
  kind: string,
  types: readonly string[],
  check: (part: PolicyResource) => Verdict[],
): StackRule["checkStack"] {
  return (resources) =>
    resources
      .filter(({ type }) => BUCKETS.includes(type))
      .flatMap((bucket) => {
        const parts = resources.filter(
          (each) => types.includes(each.type) && refersTo(each, "bucket", bucket, "bucket", "id"),
        );
        return parts.length > 0
          ? parts.flatMap(check)
          : [broken(bucket, `has no ${kind}; every bucket must have one. Add it.`)];
      });
}

function policiesOfBuckets(resources: readonly PolicyResource[]): PolicyResource[] {
  return resources.filter(({ type }) => type === BUCKET_POLICY);
}

function missingAges(rules: unknown): string[] {
  const enabled = (Array.isArray(rules) ? rules : []).filter(
    (rule) => read(rule, "status").state === "known" && hasValue(rule, "Enabled", "status"),
  );
  const ages = [
    ["expiration", "days"],
    ["noncurrentVersionExpiration", "noncurrentDays"],
    ["abortIncompleteMultipartUpload", "daysAfterInitiation"],
  ];
  return ages
    .filter((path) => !enabled.some((rule) => read(rule, ...path).state === "known"))
    .map((path) => path.join("."));
}

function hasValue(of: unknown, wanted: unknown, ...path: readonly string[]): boolean {
  const reading = read(of, ...path);
  return reading.state === "known" && reading.value === wanted;
}

function demandRefusal(
  policy: PolicyResource,
  statements: readonly Statement[],
  what: string,
  refuses: (statement: Statement) => boolean,
): Verdict[] {
  const isRefused = statements.some(
    (statement) =>
      statement.effect === "Deny" &&
      isAboutEverybody(statement) &&
      allows(statement, "s3:PutObject") &&
      refuses(statement),
  );
  return isRefused
    ? []
    : [broken(policy, `does not refuse ${what}; it must, to every principal. Add a Deny.`)];
}

function isPlain({ conditions, actions }: Statement): boolean {
  return actions.includes("s3:*") && isOnly(conditions, "Bool", "aws:SecureTransport", "false");
}

function isOldTls({ conditions, actions }: Statement): boolean {
  const [condition] = conditions;
  return (
    actions.includes("s3:*") &&
    conditions.length === 1 &&
    condition?.operator === "NumericLessThan" &&
    condition.key.toLowerCase() === "s3:tlsversion" &&
    Number(condition.values[0]) >= 1.2
  );
}

function isOldSignature({ conditions }: Statement): boolean {
  const [condition] = conditions;
  return (
    conditions.length === 1 &&
    condition?.operator === "NumericGreaterThan" &&
    condition.key.toLowerCase() === "s3:signatureage"
  );
}

function isOtherEncryption({ conditions }: Statement): boolean {
  return comparesHeader(conditions, "s3:x-amz-server-side-encryption");
}

function isOtherKey({ conditions }: Statement): boolean {
  return comparesHeader(conditions, "s3:x-amz-server-side-encryption-aws-kms-key-id");
}

/** "Is another, where it is there at all": an upload that does not say gets the bucket's own. */
function comparesHeader(conditions: Statement["conditions"], header: string): boolean {
  const about = conditions.filter(({ key }) => key.toLowerCase() === header);
  return (
    about.length === conditions.length &&
    about.some(({ operator }) => operator === "StringNotEquals") &&
    about.every(({ operator }) => operator === "StringNotEquals" || operator === "Null")
  );
}

function isOnly(
  conditions: Statement["conditions"],
  operator: string,
  key: string,
  value: string,
): boolean {
  const [condition] = conditions;
  return (
    conditions.length === 1 &&
    condition?.operator === operator &&
    condition.key.toLowerCase() === key.toLowerCase() &&
    condition.values.join() === value
  );
}

/** A role or user of some account is named by its ARN; everybody, or a bare account, is not one. */
function isAnybody(principal: string): boolean {
  return principal === "*" || /^\d{12}$/.test(principal) || /:root$/.test(principal);
}
