import { awsPoliciesOf } from "./aws-policies";
import { type Fixture, judgeResource, judgeStack, unknown } from "./judging";

const ACCOUNT = "111122223333";
const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/1`;
const OTHER_KEY = "arn:aws:kms:eu-central-1:999999999999:key/2";
const document = (...statements: object[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const named = (rule: string) => awsPoliciesOf("prod").filter(({ name }) => name === rule);
const ofKey = (rule: string, statement: object) =>
  judgeResource(named(rule), {
    type: "aws:kms/key:Key",
    props: { policy: document({ Effect: "Allow", Resource: "*", ...statement }) },
  });

describe("the use of a key", () => {
  const use = (Condition?: object, Action: unknown = "kms:Decrypt") =>
    ofKey("key-use-limited", {
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action,
      ...(Condition && { Condition }),
    });

  it.each<[string, object | undefined]>([
    ["nothing", undefined],
    ["TLS", { Bool: { "aws:SecureTransport": "true" } }],
    ["a second factor", { Bool: { "aws:MultiFactorAuthPresent": "true" } }],
    ["an address", { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } }],
    ["the account that it is allowed to", { StringEquals: { "kms:CallerAccount": ACCOUNT } }],
    ["every service", { StringLike: { "kms:ViaService": "*" } }],
    ["every service of AWS", { StringLike: { "kms:ViaService": "*.amazonaws.com" } }],
    [
      "every service but one",
      { StringNotEquals: { "kms:ViaService": "s3.eu-central-1.amazonaws.com" } },
    ],
    [
      "a service, where there is one",
      { StringEqualsIfExists: { "kms:ViaService": "rds.eu-central-1.amazonaws.com" } },
    ],
    ["no service in a list", { StringEquals: { "kms:ViaService": [] } }],
    ["a context of any value", { StringLike: { "kms:EncryptionContext:purpose": "*" } }],
    ["a context that is there", { Null: { "kms:EncryptionContext:purpose": "false" } }],
    [
      "names in the context",
      { "ForAnyValue:StringEquals": { "kms:EncryptionContextKeys": "purpose" } },
    ],
    [
      "a context of the caller's choice",
      { StringEquals: { "kms:EncryptionContext:purpose": "${aws:PrincipalTag/purpose}" } },
    ],
    [
      "every log group",
      { ArnLike: { "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:*:*:*" } },
    ],
    ["resources of any account", { ArnLike: { "aws:SourceArn": "arn:aws:sns:*:*:*" } }],
    ["no grant to a service", { Bool: { "kms:GrantIsForAWSResource": "false" } }],
    ["perhaps a grant to a service", { BoolIfExists: { "kms:GrantIsForAWSResource": "true" } }],
  ])("is not limited by %s", async (_, condition) => {
    expect(await use(condition)).toHaveLength(1);
  });

  it.each<[string, object]>([
    ["a service", { StringEquals: { "kms:ViaService": ["rds.eu-central-1.amazonaws.com"] } }],
    ["a service in every region", { StringLike: { "kms:ViaService": "rds.*.amazonaws.com" } }],
    [
      "a service in China",
      { StringEquals: { "kms:ViaService": "s3.cn-north-1.amazonaws.com.cn" } },
    ],
    [
      "a service and TLS",
      {
        StringEquals: { "kms:ViaService": "rds.eu-central-1.amazonaws.com" },
        Bool: { "aws:SecureTransport": "true" },
      },
    ],
    ["a context", { StringEquals: { "kms:EncryptionContext:purpose": "api-key" } }],
    [
      "a log group",
      {
        ArnLike: {
          "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:eu-central-1:${ACCOUNT}:log-group:*`,
        },
      },
    ],
    ["a bucket", { ArnEquals: { "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::exports" } }],
    ["a resource", { ArnLike: { "aws:SourceArn": `arn:aws:sns:eu-central-1:${ACCOUNT}:alarms` } }],
    ["a service for this account", { StringEquals: { "aws:SourceAccount": ACCOUNT } }],
    ["grants to services", { Bool: { "kms:GrantIsForAWSResource": "true" } }],
  ])("is limited by %s", async (_, condition) => {
    expect(await use(condition)).toEqual([]);
  });

  it("is not limited by the policy that AWS gives a key without one", async () => {
    const key = { type: "aws:kms/key:Key", props: {} };
    expect(await judgeResource(named("key-use-limited"), key)).toEqual([
      "key-use-limited: POL177 Key it has no policy, so AWS's default applies, which lets IAM policies alone " +
        "allow its use; it must have one that ties use to a service (`kms:ViaService`), an encryption " +
        "context or an AWS resource. Set `policy`.",
    ]);
    const later = { ...key, props: { policy: unknown } };
    expect(await judgeResource(named("key-use-limited"), later)).toEqual([]);
  });

  it.each(["keyPolicy:KeyPolicy", "replicaKey:ReplicaKey", "externalKey:ExternalKey"])(
    "is looked at in the policy of a %s, too",
    async (kind) => {
      const statement = { Effect: "Allow", Principal: "*", Action: "kms:*", Resource: "*" };
      const fixture = { type: `aws:kms/${kind}`, props: { policy: document(statement) } };
      expect(await judgeResource(named("key-use-limited"), fixture)).toHaveLength(1);
      expect(await judgeResource(named("key-not-public"), fixture)).toHaveLength(1);
    },
  );

  it.each([
    "*",
    "kms:*",
    "kms:Create*",
    "kms:ReEncrypt*",
    "kms:GenerateDataKeyPair",
    "kms:Sign",
    "kms:GenerateMac",
    "kms:DeriveSharedSecret",
  ])("is %s, too", async (action) => {
    expect(await use(undefined, ["kms:DescribeKey", action])).toHaveLength(1);
  });
});

describe("a grant of a key", () => {
  const grant = (props: Record<string, unknown>) =>
    judgeResource(named("key-use-limited"), { type: "aws:kms/grant:Grant", props });
  const purpose = { purpose: "api-key" };

  it.each<[string, Record<string, unknown>]>([
    ["without constraints", { operations: ["DescribeKey", "Decrypt"] }],
    ["with an empty list of constraints", { operations: ["GenerateDataKey"], constraints: [] }],
    [
      "with a constraint on nothing",
      { operations: ["CreateGrant"], constraints: [{ encryptionContextSubset: {} }] },
    ],
  ])("is a right to use it that nothing limits %s", async (_, props) => {
    expect(await grant(props)).toHaveLength(1);
  });

  it.each<[string, Record<string, unknown>]>([
    [
      "it demands a context",
      { operations: ["Decrypt"], constraints: [{ encryptionContextSubset: purpose }] },
    ],
    [
      "it demands one context and no other",
      { operations: ["Decrypt"], constraints: [{ encryptionContextEquals: purpose }] },
    ],
    ["it gives no use of the key", { operations: ["DescribeKey", "RetireGrant"] }],
    ["its constraints are not known", { operations: ["Decrypt"], constraints: unknown }],
  ])("is accepted where %s", async (_, props) => {
    expect(await grant(props)).toEqual([]);
  });
});

describe("a key", () => {
  const everybody = (Condition: object) =>
    ofKey("key-not-public", { Principal: { AWS: "*" }, Action: "kms:DescribeKey", Condition });

  it.each<[string, object]>([
    ["accounts by a pattern", { StringLike: { "aws:PrincipalAccount": "1*" } }],
    ["accounts of whom nobody is named", { StringEquals: { "aws:PrincipalAccount": [] } }],
    ["every organization", { StringLike: { "aws:PrincipalOrgID": "o-*" } }],
    [
      "the caller's own account",
      { StringEquals: { "kms:CallerAccount": "${aws:PrincipalAccount}" } },
    ],
    ["every resource", { ArnLike: { "aws:SourceArn": "arn:aws:sns:*:*:*" } }],
  ])("is public where it is open to %s", async (_, condition) => {
    expect(await everybody(condition)).toHaveLength(1);
  });

  it.each<[string, object]>([
    ["one account", { StringEquals: { "aws:PrincipalAccount": ACCOUNT } }],
    ["callers of one account", { StringEquals: { "kms:CallerAccount": [ACCOUNT] } }],
    ["an organization", { StringEquals: { "aws:PrincipalOrgID": "o-abc123" } }],
    ["resources of one account", { ArnLike: { "aws:SourceArn": `arn:aws:sns:*:${ACCOUNT}:*` } }],
  ])("is not public where it is open to %s", async (_, condition) => {
    expect(await everybody(condition)).toEqual([]);
  });
});

describe("the right to decrypt", () => {
  const types = [
    "policy:Policy",
    "rolePolicy:RolePolicy",
    "userPolicy:UserPolicy",
    "groupPolicy:GroupPolicy",
  ];
  const decrypt = async (statement: object, Action = "kms:Decrypt") => {
    const policy = document({ Effect: "Allow", Action, ...statement });
    const inlinePolicies = [{ name: "decrypt", policy }];
    const role = { type: "aws:iam/role:Role", props: { inlinePolicies } };
    const holders = [
      ...types.map((type) => ({ type: `aws:iam/${type}`, props: { policy } })),
      role,
    ];
    const said = await Promise.all(
      holders.map((each) => judgeResource(named("decryption-limited"), each)),
    );
    return said.map(({ length }) => length);
  };

  it.each([
    "*",
    "arn:aws:kms:*",
    "arn:aws:*",
    "arn:*",
    `arn:aws:kms:eu-central-1:${ACCOUNT}:*`,
    `arn:aws:kms:eu-central-1:${ACCOUNT}:key/*`,
    `arn:aws:kms:eu-central-1:${ACCOUNT}:key/?*`,
    `arn:aws:kms:eu-central-1:${ACCOUNT}:key/mrk-*`,
    `arn:aws:kms:eu-central-1:${ACCOUNT}:k*`,
    `arn:aws:kms:*:*:key/*`,
    `arn:*:k?s:*:*:*`,
  ])("is not for %s", async (Resource) => {
    expect(await decrypt({ Resource: [KEY, Resource] })).toEqual([1, 1, 1, 1, 1]);
    expect(await decrypt({ Resource }, "kms:ReEncrypt*")).toEqual([1, 1, 1, 1, 1]);
  });

  it("is not for all keys but one", async () => {
    expect(await decrypt({ NotResource: OTHER_KEY })).toEqual([1, 1, 1, 1, 1]);
  });

  it.each([
    KEY,
    "arn:aws:kms:*:111122223333:key/mrk-1",
    "arn:aws:kms:eu-central-1:111122223333:alias/*",
    "arn:aws:s3:::exports/*",
  ])("may be for %s", async (Resource) => {
    expect(await decrypt({ Resource })).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("the key of what holds data", () => {
  const key = { type: "aws:kms/key:Key", name: "own", props: { arn: KEY, keyId: "1" } };
  const rules = (...ids: unknown[]) =>
    ids.map((kmsMasterKeyId) => ({ applyServerSideEncryptionByDefault: { kmsMasterKeyId } }));
  const encryption =
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
  const judge = async (type: string, props: Record<string, unknown>, depends: string[] = []) => {
    const given = Object.fromEntries(Object.keys(props).map((each) => [each, depends]));
    const fixture: Fixture = { type: `aws:${type}`, props, propertyDependencies: given };
    const said = await judgeStack(awsPoliciesOf("prod", "own-keys"), [key, fixture]);
    return said.map((line) => /^own-\S+: POL183 \S+ it has (\S+) set to a key/.exec(line)?.[1]);
  };

  it.each<[string, string, Record<string, unknown>]>([
    [
      "rules.1.applyServerSideEncryptionByDefault.kmsMasterKeyId",
      `s3/${encryption}`,
      { rules: rules(KEY, OTHER_KEY) },
    ],
    [
      "replicas.1.kmsKeyId",
      "secretsmanager/secret:Secret",
      { kmsKeyId: KEY, replicas: [{ kmsKeyId: KEY }, { kmsKeyId: OTHER_KEY }] },
    ],
    [
      "serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault.kmsMasterKeyId",
      "s3/bucket:Bucket",
      { serverSideEncryptionConfiguration: { rule: rules(OTHER_KEY)[0] } },
    ],
    ["kmsKeyId", "rds/snapshotCopy:SnapshotCopy", { kmsKeyId: OTHER_KEY }],
    [
      "kmsKeyId",
      "rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
      { kmsKeyId: OTHER_KEY },
    ],
    [
      "performanceInsightsKmsKeyId",
      "rds/clusterInstance:ClusterInstance",
      { performanceInsightsKmsKeyId: OTHER_KEY },
    ],
  ])("is the stack's own in %s", async (property, type, props) => {
    expect(await judge(type, props)).toEqual([property]);
    // A key of the stack among the dependencies says nothing of the key that is written out.
    expect(await judge(type, props, ["own"])).toEqual([property]);
  });

  it("is the stack's own in every rule, while it is not known, too", async () => {
    const own = { rules: rules(KEY, "1", unknown) };
    expect(await judge(`s3/${encryption}`, own, ["own"])).toEqual([]);
    expect(await judge(`s3/${encryption}`, { rules: rules(unknown, OTHER_KEY) }, ["own"])).toEqual([
      "rules.1.applyServerSideEncryptionByDefault.kmsMasterKeyId",
    ]);
  });
});
