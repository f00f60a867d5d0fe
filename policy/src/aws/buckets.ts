import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import { type Statement, allows, isAboutEverybody, judgePolicy, matches } from "./policy-document";
import {
  type Judged,
  type ResourceRule,
  type StackRule,
  type Verdict,
  broken,
  demand,
  demandOn,
  lastingOnly,
  unjudged,
} from "./rule";
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

/** The longest that AWS accepts a signature for, in milliseconds. */
const LONGEST_SIGNATURE_MS = 7 * 24 * 60 * 60 * 1000;
// The emulator has no TLS and does not look at policies.
const notOnEmulator = { local: "disabled" } as const;

/** What holds of the resources that belong to a bucket. */
export const bucketPartRules: readonly ResourceRule[] = [
  ...(
    [
      [
        "bucket-acls-blocked",
        "blockPublicAcls",
        "Nobody gives a bucket or an object a public access list.",
      ],
      ["bucket-policy-blocked", "blockPublicPolicy", "Nobody gives a bucket a public policy."],
      [
        "bucket-acls-ignored",
        "ignorePublicAcls",
        "A public access list that is there opens nothing.",
      ],
      [
        "bucket-access-restricted",
        "restrictPublicBuckets",
        "A public policy that is there opens nothing to other accounts.",
      ],
    ] as const
  ).map(([name, property, description]): ResourceRule => ({
    name,
    severity: "high",
    description,
    remediation: `Set \`${property}: true\`.`,
    topic,
    types: [PUBLIC_ACCESS_BLOCK],
    check: (block) => demandOn(block, property),
  })),
  ...(
    [
      ["bucket-objects-expire", ["expiration", "days"], "Objects are deleted by age."],
      [
        "bucket-versions-expire",
        ["noncurrentVersionExpiration", "noncurrentDays"],
        "Old versions of objects are deleted by age.",
      ],
      [
        "bucket-uploads-expire",
        ["abortIncompleteMultipartUpload", "daysAfterInitiation"],
        "Unfinished uploads are deleted by age.",
      ],
    ] as const
  ).map(([name, age, description]): ResourceRule => ({
    name,
    severity: "low",
    description,
    remediation: `Add an enabled rule for all objects with \`${age.join(".")}\`.`,
    topic,
    types: LIFECYCLE,
    check: (lifecycle) => demandAge(lifecycle, age),
  })),
  {
    name: "bucket-tls",
    control: {
      id: "S3.5",
      title: "S3 general purpose buckets should require requests to use SSL",
    },
    severity: "medium",
    description: "The policy of a bucket refuses plain connections.",
    remediation: "Refuse what has `aws:SecureTransport` false.",
    topic,
    levels: notOnEmulator,
    types: [BUCKET_POLICY],
    check: demandRefusal("plain connections", isPlain),
  },
  {
    name: "bucket-tls-version",
    severity: "medium",
    description: "The policy of a bucket refuses TLS below 1.2.",
    remediation: "Refuse what has `s3:TlsVersion` below 1.2.",
    topic,
    levels: notOnEmulator,
    types: [BUCKET_POLICY],
    check: demandRefusal("TLS below 1.2", isOldTls),
  },
  {
    name: "bucket-not-shared",
    control: {
      id: "S3.6",
      title: "S3 general purpose bucket policies should restrict access to other AWS accounts",
    },
    severity: "high",
    description: "The policy of a bucket allows neither a whole account nor everybody.",
    remediation: "Grant access through IAM.",
    topic,
    levels: notOnEmulator,
    types: [BUCKET_POLICY],
    check: (policy) =>
      judgePolicy(policy, ["policy"], (statements) =>
        statements
          .filter(({ effect, principals }) => effect === "Allow" && principals.some(isAnybody))
          .map(() =>
            broken(
              policy,
              "allows another account or everybody; a bucket policy must only refuse. " +
                "Give the right by IAM in this account.",
            ),
          ),
      ),
  },
  {
    name: "bucket-signature-age",
    severity: "high",
    description: "The policy of a bucket refuses requests that were signed long ago.",
    remediation: "Refuse by `s3:signatureAge`, in milliseconds, at most 7 days.",
    topic,
    levels: notOnEmulator,
    types: [BUCKET_POLICY],
    check: demandRefusal("requests signed long ago", isOldSignature),
  },
  {
    name: "bucket-upload-algorithm",
    severity: "high",
    description: "The policy of a bucket refuses uploads that are encrypted without KMS.",
    remediation: "Refuse by `s3:x-amz-server-side-encryption`.",
    topic,
    levels: notOnEmulator,
    types: [BUCKET_POLICY],
    check: demandRefusal("encryption without KMS", isOtherEncryption),
  },
  {
    name: "bucket-upload-key",
    severity: "high",
    description: "The policy of a bucket refuses uploads that are encrypted with another key.",
    remediation: "Refuse by `s3:x-amz-server-side-encryption-aws-kms-key-id`.",
    topic,
    levels: notOnEmulator,
    types: [BUCKET_POLICY],
    check: demandRefusal("encryption with another key", isOtherKey),
  },
];

/** What belongs to every bucket: each is a resource of its own, whose absence has to be seen. */
export const bucketRules: readonly StackRule[] = [
  {
    name: "bucket-not-public",
    control: {
      id: "S3.8",
      title: "S3 general purpose buckets should block public access",
    },
    severity: "high",
    description: "Every bucket has a block of public access.",
    remediation: "Add a BucketPublicAccessBlock with all four switches on.",
    topic,
    checkStack: forEachBucket("BucketPublicAccessBlock", [PUBLIC_ACCESS_BLOCK], () => []),
  },
  {
    name: "bucket-acls-off",
    control: {
      id: "S3.12",
      title: "ACLs should not be used to manage user access to S3 general purpose buckets",
    },
    severity: "medium",
    description: "Access control lists are off: policies alone grant access.",
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
    description: "A deleted or overwritten object can be restored for some days.",
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
    description: "Every bucket says how long its objects are kept.",
    remediation: "Add a BucketLifecycleConfiguration with the three ages.",
    topic,
    checkStack: forEachBucket("BucketLifecycleConfiguration", LIFECYCLE, () => []),
  },
  {
    name: "bucket-policy",
    severity: "medium",
    description: "Every bucket has a policy.",
    remediation: "Add a BucketPolicy that refuses unsafe requests.",
    topic,
    levels: notOnEmulator,
    checkStack: forEachBucket("BucketPolicy", [BUCKET_POLICY], () => []),
  },
  {
    name: "bucket-access-logged",
    control: {
      id: "S3.9",
      title: "S3 general purpose buckets should have server access logging enabled",
    },
    severity: "medium",
    description: "Access to objects is logged.",
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

/** One enabled rule for all objects is enough. */
function demandAge(lifecycle: Judged, age: readonly string[]): Verdict[] {
  return demand(lifecycle, ["rules"], (rules) => {
    const isSet = (Array.isArray(rules) ? rules : []).some((rule) => {
      const status = read(rule, "status");
      const days = read(rule, ...age);
      const isEnabled = status.state === "known" && status.value === "Enabled";
      return isEnabled && isForAll(rule) && days.state === "known" && Number(days.value) > 0;
    });
    return isSet
      ? undefined
      : `has no enabled rule for all objects with ${age.join(".")}; users' files must not stay for ever. ` +
          "Add it.";
  });
}

function isForAll(rule: unknown): boolean {
  const prefix = read(rule, "prefix");
  const filter = read(rule, "filter");
  const limits: unknown[] = [
    ...(prefix.state === "known" ? [prefix.value] : []),
    ...(filter.state === "known" ? Object.values(filter.value) : []),
  ];
  return limits.every((limit) => limit === "" || limit === 0 || limit === null);
}

function demandRefusal(
  what: string,
  refuses: (statement: Statement, bucket: string) => boolean,
): (policy: Judged) => Verdict[] {
  return (policy) => {
    const bucket = read(policy.props, "bucket");
    if (bucket.state === "unknown") return [unjudged(policy, ["bucket"])];
    const name = bucket.state === "known" ? String(bucket.value) : "";
    return judgePolicy(policy, ["policy"], (statements) => {
      const isRefused = statements.some(
        (statement) =>
          statement.effect === "Deny" &&
          isAboutEverybody(statement) &&
          covers(statement, `${name}/*`) &&
          refuses(statement, name),
      );
      return isRefused
        ? []
        : [broken(policy, `does not refuse ${what}; it must, to every principal. Add a Deny.`)];
    });
  };
}

/** Whether a statement is about a bucket or, with its name and "/*", about all that is in it. */
function covers({ resources }: Statement, name: string): boolean {
  return resources.some((resource) => {
    const [, partition = "aws"] = resource.split(":");
    return matches(resource, `arn:${partition}:s3:::${name}`);
  });
}

/** Whether it is about everything that is done with the bucket or in it. */
function isAboutAll(statement: Statement, bucket: string): boolean {
  return allows(statement, "s3:*") && covers(statement, bucket);
}

function isPlain(statement: Statement, bucket: string): boolean {
  return (
    isAboutAll(statement, bucket) &&
    isOnly(statement, "Bool", "aws:securetransport", (value) => value === "false")
  );
}

function isOldTls(statement: Statement, bucket: string): boolean {
  return (
    isAboutAll(statement, bucket) &&
    isOnly(statement, "NumericLessThan", "s3:tlsversion", (value) => Number(value) >= 1.2)
  );
}

/** With a higher limit than AWS's own, it would refuse nothing. */
function isOldSignature(statement: Statement): boolean {
  return (
    ["s3:GetObject", "s3:PutObject"].every((action) => allows(statement, action)) &&
    isOnly(
      statement,
      "NumericGreaterThan",
      "s3:signatureage",
      (value) => Number(value) <= LONGEST_SIGNATURE_MS,
    )
  );
}

function isOtherEncryption(statement: Statement): boolean {
  return comparesHeader(statement, "s3:x-amz-server-side-encryption", /^aws:kms(?::dsse)?$/);
}

function isOtherKey(statement: Statement): boolean {
  const header = "s3:x-amz-server-side-encryption-aws-kms-key-id";
  return comparesHeader(statement, header, /^arn:[^:]+:kms:[^$]+$/);
}

/** "Is another, where it is there at all": an upload that does not say gets the bucket's own. */
function comparesHeader(statement: Statement, header: string, wanted: RegExp): boolean {
  const { conditions } = statement;
  const isCompared = conditions.some(({ operator }) => operator === "StringNotEquals");
  return (
    allows(statement, "s3:PutObject") &&
    isCompared &&
    conditions.every(
      ({ operator, key, values }) =>
        key.toLowerCase() === header &&
        (operator === "Null"
          ? values.join() === "false"
          : operator === "StringNotEquals" && values.every((value) => wanted.test(value))),
    )
  );
}

/** With a second condition the refusal would only hold where that holds, too. */
function isOnly(
  { conditions }: Statement,
  operator: string,
  key: string,
  isRight: (value: string) => boolean,
): boolean {
  const [condition, ...others] = conditions;
  return (
    others.length === 0 &&
    condition?.operator === operator &&
    condition.key.toLowerCase() === key &&
    condition.values.length === 1 &&
    condition.values.every(isRight)
  );
}

/** A role or user of some account is named by its ARN; everybody, or a bare account, is not one. */
function isAnybody(principal: string): boolean {
  return principal === "*" || /^\d{12}$/.test(principal) || /:root$/.test(principal);
}
