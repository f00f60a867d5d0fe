import { awsPoliciesOf } from "./aws-policies";
import { judgeResource, unknown } from "./judging";

const policies = awsPoliciesOf("prod", "buckets");
const KEY = "arn:aws:kms:eu-central-1:111122223333:key/1";
const everything = ["arn:aws:s3:::exports", "arn:aws:s3:::exports/*"];
const sse = "s3:x-amz-server-side-encryption";
const sseKey = `${sse}-aws-kms-key-id`;
type Statement = Record<string, unknown>;
const refuse = (Action: unknown, Condition: object): Statement => ({
  Effect: "Deny",
  Principal: "*",
  Action,
  Resource: everything,
  Condition,
});

/** What refuses everything that has to be refused, by the rule that asks for it. */
const refusals = {
  "bucket-tls": refuse("s3:*", { Bool: { "aws:SecureTransport": "false" } }),
  "bucket-tls-version": refuse("s3:*", { NumericLessThan: { "s3:TlsVersion": "1.2" } }),
  "bucket-signature-age": refuse("s3:*", { NumericGreaterThan: { "s3:signatureAge": "900000" } }),
  "bucket-upload-algorithm": refuse("s3:PutObject", {
    StringNotEquals: { [sse]: "aws:kms" },
    Null: { [sse]: "false" },
  }),
  "bucket-upload-key": refuse("s3:PutObject", {
    StringNotEquals: { [sseKey]: KEY },
    Null: { [sseKey]: "false" },
  }),
};
type Rule = keyof typeof refusals;

async function judge(bucket: unknown, statements: readonly Statement[]): Promise<string[]> {
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const type = "aws:s3/bucketPolicy:BucketPolicy";
  const said = await judgeResource(policies, { type, props: { bucket, policy } });
  return said.map((line) => line.slice(0, line.indexOf(":")));
}
const withOther = (rule: Rule, statement: Statement) =>
  judge("exports", Object.values({ ...refusals, [rule]: { ...refusals[rule], ...statement } }));
const rules = Object.keys(refusals).map((rule): [Rule] => [rule as Rule]);

describe("the policy of a bucket", () => {
  it("refuses all that it has to", async () => {
    expect(await judge("exports", Object.values(refusals))).toEqual([]);
    expect(await judge(unknown, Object.values(refusals))).toEqual([]);
    const onAll = Object.values(refusals).map((each) => ({ ...each, Resource: "*" }));
    expect(await judge("exports", onAll)).toEqual([]);
  });

  it.each(rules)("does not where the refusal that %s asks for is not for all", async (rule) => {
    const narrower: Statement[] = [
      { Effect: "Allow", Principal: { AWS: "arn:aws:iam::111122223333:role/app" } },
      { Principal: { AWS: "arn:aws:iam::111122223333:role/app" } },
      { Principal: undefined, NotPrincipal: { AWS: "*" } },
      { Action: "s3:DeleteObject" },
      { Action: undefined, NotAction: "s3:DeleteObject" },
      { Resource: ["arn:aws:s3:::others", "arn:aws:s3:::others/*"] },
      { Resource: ["arn:aws:s3:::exports", "arn:aws:s3:::exports/public/*"] },
      { Resource: [] },
      { Resource: undefined, NotResource: "arn:aws:s3:::others/*" },
      {
        Condition: {
          ...Object(refusals[rule]["Condition"]),
          IpAddress: { "aws:SourceIp": "::/0" },
        },
      },
    ];
    for (const each of narrower)
      expect([each, await withOther(rule, each)]).toEqual([each, [rule]]);
  });

  it.each<[Rule, string, Statement]>([
    ["bucket-tls", "objects alone", { Resource: "arn:aws:s3:::exports/*" }],
    ["bucket-tls-version", "objects alone", { Resource: "arn:aws:s3:::exports/*" }],
    [
      "bucket-tls-version",
      "TLS 1.0",
      { Condition: { NumericLessThan: { "s3:TlsVersion": "1.1" } } },
    ],
    ["bucket-signature-age", "uploads alone", { Action: "s3:PutObject" }],
    [
      "bucket-signature-age",
      "what is older than any signature",
      { Condition: { NumericGreaterThan: { "s3:signatureAge": "604800001" } } },
    ],
    [
      "bucket-upload-algorithm",
      "what is encrypted with KMS",
      { Condition: { StringNotEquals: { [sse]: "AES256" }, Null: { [sse]: "false" } } },
    ],
    [
      "bucket-upload-algorithm",
      "what says nothing of encryption",
      { Condition: { StringNotEquals: { [sse]: "aws:kms" }, Null: { [sse]: "true" } } },
    ],
    [
      "bucket-upload-key",
      "all keys but that of the caller's choice",
      { Condition: { StringNotEquals: { [sseKey]: "${aws:PrincipalTag/key}" } } },
    ],
  ])("does not satisfy %s where it refuses %s", async (rule, _, change) => {
    expect(await withOther(rule, change)).toEqual([rule]);
  });
});

describe("the ages of a bucket's objects", () => {
  const ages = {
    expiration: { days: 30 },
    noncurrentVersionExpiration: { noncurrentDays: 7 },
    abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
  };
  const all = ["bucket-objects-expire", "bucket-versions-expire", "bucket-uploads-expire"];
  const lifecycle = async (rules: unknown) => {
    const type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
    const said = await judgeResource(policies, { type, props: { bucket: "exports", rules } });
    return said.map((line) => line.slice(0, line.indexOf(":")));
  };

  it("hold for every object", async () => {
    for (const filter of [undefined, {}, { prefix: "" }])
      expect(await lifecycle([{ status: "Enabled", filter, ...ages }])).toEqual([]);
    expect(await lifecycle(unknown)).toEqual([]);
  });

  it.each<[string, object]>([
    ["a rule is off", { status: "Disabled" }],
    ["it is for some by their names", { filter: { prefix: "tmp/" } }],
    ["it is for some by their names, as it was once written", { prefix: "tmp/" }],
    ["it is for some by a tag", { filter: { tag: { key: "short", value: "yes" } } }],
    ["it is for some by several", { filter: { and: { prefix: "tmp/" } } }],
    ["it is for the large", { filter: { objectSizeGreaterThan: 1024 } }],
  ])("do not where %s", async (_, change) => {
    expect(await lifecycle([{ status: "Enabled", ...ages, ...change }])).toEqual(all);
  });

  it("are numbers of days", async () => {
    const none = {
      expiration: { days: 0, expiredObjectDeleteMarker: true },
      noncurrentVersionExpiration: { newerNoncurrentVersions: 3 },
      abortIncompleteMultipartUpload: { daysAfterInitiation: 0 },
    };
    expect(await lifecycle([{ status: "Enabled", ...none }])).toEqual(all);
  });
});
