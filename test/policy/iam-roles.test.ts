import { awsPoliciesOf } from "./aws-policies";
import { judgeResource } from "./judging";

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
    ["everybody", everybody()],
    ["everybody but one", { ...everybody(), Principal: undefined, NotPrincipal: { AWS: ACCOUNT } }],
    [
      "every service for this account",
      everybody({ StringEquals: { "aws:SourceAccount": ACCOUNT } }),
    ],
    ["everybody with a token", byToken()],
  ])("is not taken on by %s", async (_, statement) => {
    expect(await trusting(statement)).toEqual(["role-trust-limited"]);
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
    [
      "one subject of an identity provider",
      byToken({ StringEquals: { "issuer.example:sub": "worker" } }),
    ],
    ["nobody, where it is refused", { ...everybody(), Effect: "Deny" }],
  ])("is taken on by %s", async (_, statement) => {
    expect(await trusting(statement)).toEqual([]);
  });

  it("is judged by each of its statements", async () => {
    const tied = ofService(SCHEDULER, { StringEquals: { "aws:SourceAccount": ACCOUNT } });
    expect(await trusting(tied, ofService(SCHEDULER))).toEqual(["role-trust-limited"]);
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
    expect(await attached(name)).toEqual(["role-not-administrator"]);
    const role = { managedPolicyArns: [managed("CloudWatchAgentServerPolicy"), managed(name)] };
    expect(await spoken("aws:iam/role:Role", role)).toEqual(["role-not-administrator"]);
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
});
