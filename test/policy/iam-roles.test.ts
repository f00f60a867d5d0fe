import { awsPoliciesOf } from "./aws-policies";
import { judgeResource, unknown } from "./judging";

const policies = awsPoliciesOf("prod");
const spoken = async (type: string, props: Record<string, unknown>) => {
  const said = await judgeResource(policies, { type, name: "worker", props });
  return said.map((line) => line.slice(0, line.indexOf(":")));
};
const document = (...statements: object[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const ofService = (service: string, Condition?: object) => ({
  Effect: "Allow",
  Principal: { Service: service },
  Action: "sts:AssumeRole",
  ...(Condition && { Condition }),
});
const everybody = (Condition?: object) => ({
  ...ofService("", Condition),
  Principal: { AWS: "*" },
});
const byToken = (Condition?: object) => ({
  ...ofService("", Condition),
  Principal: { Federated: "arn:aws:iam::111122223333:oidc-provider/issuer.example" },
  Action: "sts:AssumeRoleWithWebIdentity",
});

const SCHEDULER = "scheduler.amazonaws.com";
const ACCOUNT = "111122223333";

describe("a role of the stack", () => {
  const trusting = (...statements: object[]) =>
    spoken("aws:iam/role:Role", { assumeRolePolicy: document(...statements) });

  it.each<[string, object]>([
    ["everybody", everybody()],
    ["everybody but one", { ...everybody(), Principal: undefined, NotPrincipal: { AWS: ACCOUNT } }],
    [
      "every service for this account",
      everybody({ StringEquals: { "aws:SourceAccount": ACCOUNT } }),
    ],
    ["every service for every account", everybody({ StringLike: { "aws:SourceAccount": "*" } })],
    [
      "everybody, where a list of organizations is empty",
      everybody({ StringEquals: { "aws:PrincipalOrgID": [] } }),
    ],
  ])("is not taken on by %s", async (_, statement) => {
    expect(await trusting(statement)).toEqual(["role-trust-limited"]);
  });

  it.each<[string, object]>([
    ["a service, whoever asks it to", ofService(SCHEDULER)],
    [
      "a service for every account",
      ofService(SCHEDULER, { StringLike: { "aws:SourceAccount": "*" } }),
    ],
    [
      "a service for instances of every account",
      ofService(SCHEDULER, { ArnLike: { "aws:SourceArn": "arn:aws:rds:eu-central-1:*:db:main" } }),
    ],
    [
      "a service for one account or a pattern",
      ofService(SCHEDULER, { StringLike: { "aws:SourceAccount": [ACCOUNT, "1*"] } }),
    ],
    [
      "a service for every account but one",
      ofService(SCHEDULER, { StringNotEquals: { "aws:SourceAccount": ACCOUNT } }),
    ],
    [
      "a service that tells no source",
      ofService(SCHEDULER, { StringEqualsIfExists: { "aws:SourceAccount": ACCOUNT } }),
    ],
    ["a service by a wildcard of actions", { ...ofService(SCHEDULER), Action: "sts:*" }],
    ["a service in China", ofService("scheduler.amazonaws.com.cn")],
  ])("is not taken on by %s", async (_, statement) => {
    expect(await trusting(statement)).toEqual(["role-trust-source"]);
  });

  it.each<[string, object | undefined]>([
    ["everybody with a token", undefined],
    [
      "every workload of the provider, whose tokens are all for AWS",
      { StringEquals: { "issuer.example:aud": "sts.amazonaws.com" } },
    ],
    ["every subject", { StringLike: { "issuer.example:sub": "*" } }],
    ["every subject, where a pattern is meant", { StringEquals: { "issuer.example:sub": "*" } }],
    ["a subject of every owner", { StringLike: { "issuer.example:sub": "repo:*" } }],
    ["a subject of owners of a like name", { StringLike: { "issuer.example:sub": "repo:acme*" } }],
    ["a repository of any owner", { StringLike: { "issuer.example:sub": "repo:*/app:*" } }],
    ["a subject by its end", { StringLike: { "issuer.example:sub": "*:ref:refs/heads/main" } }],
    [
      "a service account of every namespace",
      { StringLike: { "issuer.example:sub": "system:serviceaccount:*:default" } },
    ],
    ["one subject, or all", { StringLike: { "issuer.example:sub": ["repo:acme/app:*", "*"] } }],
    ["no subject in a list", { StringEquals: { "issuer.example:sub": [] } }],
    ["a subject of the caller's choice", { StringLike: { "issuer.example:sub": "${aws:userid}" } }],
    ["all but one subject", { StringNotEquals: { "issuer.example:sub": "repo:acme/app" } }],
    [
      "a token without a subject",
      { StringEqualsIfExists: { "issuer.example:sub": "repo:acme/app:ref:refs/heads/main" } },
    ],
    [
      "a token without a subject, by all of none",
      { "ForAllValues:StringEquals": { "issuer.example:sub": "repo:acme/app" } },
    ],
    ["whoever uses TLS", { Bool: { "aws:SecureTransport": "true" } }],
  ])("is not taken on with a token by %s", async (_, condition) => {
    expect(await trusting(byToken(condition))).toEqual(["role-trust-subject"]);
    const others = { Action: undefined, NotAction: "sts:TagSession" };
    expect(await trusting({ ...byToken(condition), ...others })).toContain("role-trust-subject");
  });

  it.each([
    ["one branch", { StringEquals: { "issuer.example:sub": "repo:acme/app:ref:refs/heads/main" } }],
    ["the repositories of one owner", { StringLike: { "issuer.example:sub": "repo:acme/*" } }],
    ["one repository", { StringLike: { "issuer.example:sub": ["repo:acme/app:*"] } }],
    [
      "the service accounts of a namespace",
      { StringLike: { "issuer.example:sub": "system:serviceaccount:jobs:*" } },
    ],
    ["a person", { "ForAnyValue:StringEquals": { "issuer.example:sub": "6f1ed002-ab59" } }],
  ])("is taken on with a token by %s", async (_, condition) => {
    expect(await trusting(byToken(condition))).toEqual([]);
  });

  it("is not known by whom it is taken on while its trust is not", async () => {
    expect(await spoken("aws:iam/role:Role", { assumeRolePolicy: unknown })).toEqual([]);
  });

  it.each<[string, object]>([
    [
      "a service for this account",
      ofService(SCHEDULER, { StringEquals: { "aws:SourceAccount": ACCOUNT } }),
    ],
    [
      "a service for resources of this account",
      ofService(SCHEDULER, { ArnLike: { "AWS:SourceArn": `arn:aws:scheduler:*:${ACCOUNT}:*` } }),
    ],
    [
      "a service for the organization",
      ofService(SCHEDULER, { StringEquals: { "aws:SourceOrgID": "o-abc123" } }),
    ],
    ["EC2, which tells no source", ofService("ec2.amazonaws.com")],
    ["Lambda, which tells no source", ofService("lambda.amazonaws.com")],
    [
      "another role",
      { ...ofService(""), Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/deployer` } },
    ],
    [
      "everybody of the organization",
      everybody({ StringEquals: { "aws:PrincipalOrgID": "o-abc123" } }),
    ],
    ["nobody, where it is refused", { ...everybody(), Effect: "Deny" }],
  ])("is taken on by %s", async (_, statement) => {
    expect(await trusting(statement)).toEqual([]);
  });

  it("is judged by each of its statements", async () => {
    const tied = ofService(SCHEDULER, { StringEquals: { "aws:SourceAccount": ACCOUNT } });
    expect(await trusting(tied, ofService(SCHEDULER))).toEqual(["role-trust-source"]);
  });
});

describe("what a role may do", () => {
  const managed = (name: string) => `arn:aws:iam::aws:policy/${name}`;
  const attached = (name: string) =>
    spoken("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { policyArn: managed(name) });

  it.each([
    "AdministratorAccess",
    "AdministratorAccess-Amplify",
    "PowerUserAccess",
    "IAMFullAccess",
    "AmazonRDSFullAccess",
    "SecretsManagerReadWrite",
    "job-function/DatabaseAdministrator",
  ])("is not %s", async (name) => {
    expect(await attached(name)).toEqual(["role-policy-narrow"]);
    const role = { managedPolicyArns: [managed("CloudWatchAgentServerPolicy"), managed(name)] };
    expect(await spoken("aws:iam/role:Role", role)).toEqual(["role-policy-narrow"]);
    for (const type of ["UserPolicyAttachment", "GroupPolicyAttachment", "PolicyAttachment"]) {
      const props = { policyArn: managed(name) };
      expect(
        await spoken(`aws:iam/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`, props),
      ).toEqual(["role-policy-narrow"]);
    }
  });

  it.each([
    "service-role/AmazonRDSEnhancedMonitoringRole",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
  ])("may be %s", async (name) => {
    expect(await attached(name)).toEqual([]);
    expect(await spoken("aws:iam/role:Role", { managedPolicyArns: [managed(name)] })).toEqual([]);
  });

  it("is not everything on everything, and may be everything on one thing or one thing on all", async () => {
    const policy = (Action: unknown, Resource: unknown, Effect = "Allow") =>
      spoken("aws:iam/policy:Policy", { policy: document({ Effect, Action, Resource }) });
    const one = "arn:aws:s3:::exports";
    expect(await policy("*", "*")).toContain("role-not-administrator");
    expect(await policy(["s3:GetObject", "*:*"], [one, "*"])).toContain("role-not-administrator");
    expect(await policy("*", "*", "Deny")).toEqual([]);
    expect(await policy("*", one)).toEqual([]);
    expect(await policy("s3:ListAllMyBuckets", "*")).toEqual([]);
  });

  it.each<[string, object]>([
    ["stars", { Action: "**", Resource: "**" }],
    ["one character or more", { Action: "?*", Resource: "?*" }],
    ["an ARN of anything", { Action: "*", Resource: "arn:aws:*" }],
    ["an ARN of any partition", { Action: "*", Resource: "arn:*" }],
    ["an ARN of anything, part by part", { Action: "*", Resource: "arn:*:*:*:*:*" }],
    ["all but one action", { NotAction: "iam:DeleteUser", Resource: "*" }],
    ["all but one resource", { Action: "*", NotResource: "arn:aws:s3:::exports" }],
  ])("is not everything, written as %s", async (_, what) => {
    const policy = document({ Effect: "Allow", ...what });
    for (const type of ["policy:Policy", "rolePolicy:RolePolicy", "userPolicy:UserPolicy"])
      expect(await spoken(`aws:iam/${type}`, { policy })).toContain("role-not-administrator");
    expect(await spoken("aws:iam/groupPolicy:GroupPolicy", { policy })).toContain(
      "role-not-administrator",
    );
    const inlinePolicies = [{ name: "none", policy: document({ Effect: "Deny" }) }, { policy }];
    expect(await spoken("aws:iam/role:Role", { inlinePolicies })).toContain(
      "role-not-administrator",
    );
  });
});
