import { type Statement, allows, isAboutEverybody, judgePolicy } from "./policy-document";
import { type Judged, type ResourceRule, type Verdict, broken, demand } from "./rule";
import { IAM_ATTACHMENT, IAM_POLICIES, IAM_ROLE } from "./types";

const topic = { code: "POL186", page: "iam-roles" };

const ACCOUNT = /^\d{12}$/;
const ORGANIZATION = /^o-[a-z0-9]+$/;
const ARN_OF_ACCOUNT = /^arn:[^:*?]+:[^:*?]+:[^:]*:\d{12}:/;
/** What says in whose name a principal calls, and the values that name somebody. */
const OF_PRINCIPAL: Readonly<Record<string, RegExp>> = {
  "aws:principalaccount": ACCOUNT,
  "aws:principalarn": ARN_OF_ACCOUNT,
  "aws:principalorgid": ORGANIZATION,
};
/** The same of a service, which calls for whoever asks it to. */
const OF_SOURCE: Readonly<Record<string, RegExp>> = {
  "aws:sourceaccount": ACCOUNT,
  "aws:sourcearn": ARN_OF_ACCOUNT,
  "aws:sourceorgid": ORGANIZATION,
};
const SERVICE = /\.amazonaws\.com(?:\.cn)?$/;
// They say nothing of a source, and take on roles of the caller's own account alone.
const SERVICES_WITHOUT_SOURCE = /^(?:ec2|lambda)\.amazonaws\.com/;
/** Policies of AWS's own that give a whole service, or all of them. */
const BROAD_POLICY =
  /^arn:[^:]+:iam::aws:policy\/.*(?:Administrator|PowerUserAccess|FullAccess|ReadWrite$)/;

/** Who may take on a role of the stack, and what it may do. */
export const iamRoleRules: readonly ResourceRule[] = [
  {
    name: "role-trust-limited",
    severity: "high",
    description: "No role is taken on by everybody, or by a service on behalf of another account.",
    remediation: "Name the principals; tie a service to `aws:SourceAccount` or `aws:SourceArn`.",
    topic,
    types: [IAM_ROLE],
    check: (resource) =>
      judgePolicy(resource, "assumeRolePolicy", (statements) =>
        statements.flatMap((statement) => judgeTrust(resource, statement)),
      ),
  },
  {
    name: "role-not-administrator",
    control: {
      id: "IAM.1",
      title: 'IAM policies should not allow full "*" administrative privileges',
    },
    severity: "high",
    description: "No role or policy gives everything, or a whole service by a policy of AWS's own.",
    remediation: "List the actions and resources that the task needs.",
    topic,
    types: [IAM_ROLE, IAM_ATTACHMENT, ...IAM_POLICIES],
    check: judgePowers,
  },
];

function judgeTrust(role: Judged, statement: Statement): Verdict[] {
  if (statement.effect !== "Allow") return [];
  if (isAboutEverybody(statement) && !isTied(statement, OF_PRINCIPAL)) {
    return [
      broken(
        role,
        "can be taken on by every principal of every account; it must name principals. Name them.",
      ),
    ];
  }
  if (allows(statement, "sts:AssumeRoleWithWebIdentity") && statement.conditions.length === 0) {
    return [
      broken(
        role,
        "can be taken on by everybody whom an identity provider knows; it must say by whom. " +
          "Add a condition on the token's `sub`.",
      ),
    ];
  }
  if (!allows(statement, "sts:AssumeRole") || isTied(statement, OF_SOURCE)) return [];
  return statement.principals
    .filter((each) => SERVICE.test(each) && !SERVICES_WITHOUT_SOURCE.test(each))
    .map((service) =>
      broken(
        role,
        `can be taken on by ${service} on behalf of any account; the service must be tied to this ` +
          "one. Add a condition on `aws:SourceAccount` and `aws:SourceArn`.",
      ),
    );
}

function isTied({ conditions }: Statement, keys: Readonly<Record<string, RegExp>>): boolean {
  return conditions.some(
    ({ operator, key, values }) =>
      /^(?:String|Arn)(?:Equals|Like)$/.test(operator) &&
      values.length > 0 &&
      values.every((value) => keys[key.toLowerCase()]?.test(value)),
  );
}

function judgePowers(resource: Judged): Verdict[] {
  switch (resource.type) {
    case IAM_ROLE:
      return demand(resource, ["managedPolicyArns"], broadPolicy);
    case IAM_ATTACHMENT:
      return demand(resource, ["policyArn"], broadPolicy);
    default:
      return judgePolicy(resource, "policy", (statements) =>
        statements
          .filter(allowsEverything)
          .map(() =>
            broken(
              resource,
              "allows every action on every resource; it must list what the task needs. List it.",
            ),
          ),
      );
  }
}

function broadPolicy(arns: unknown): string | undefined {
  const listed: readonly unknown[] = Array.isArray(arns) ? arns : [arns];
  const broad = listed.find((arn) => typeof arn === "string" && BROAD_POLICY.test(arn));
  return broad === undefined
    ? undefined
    : `gives all that ${String(broad)} allows; a role must have what its task needs. ` +
        "Use a policy for that task.";
}

function allowsEverything({ effect, actions, resources }: Statement): boolean {
  return (
    effect === "Allow" &&
    actions.some((action) => /^\*(?::\*)?$/.test(action)) &&
    resources.includes("*")
  );
}
