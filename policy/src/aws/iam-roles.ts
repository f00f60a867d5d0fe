import { namesPrincipal, namesSource } from "./callers";
import {
  type Statement,
  allows,
  isAboutEverybody,
  isTied,
  judgePolicy,
  judgePowers,
} from "./policy-document";
import { type Judged, type ResourceRule, type Verdict, broken, demand } from "./rule";
import { IAM_ATTACHMENTS, IAM_POLICIES, IAM_ROLE } from "./types";

const topic = { code: "POL186", page: "iam-roles" };

/**
 * What a token's subject has to begin with before a wildcard: what kind it is and whose. In a cluster of
 * Kubernetes that is the namespace. `repo:*` is every repository of every owner.
 */
const OWNED_SUBJECT = /^(?!system:serviceaccount:[^:]*[*?])[^:/*?]+[:/][^:/*?]+[:/]/;
const SERVICE = /\.amazonaws\.com(?:\.cn)?$/;
// They name no source, and assume only roles of the caller's own account.
const SERVICES_WITHOUT_SOURCE = /^(?:ec2|lambda)\.amazonaws\.com/;
/** Policies of AWS's own that give a whole service, or all of them. */
const BROAD_POLICY =
  /^arn:[^:]+:iam::aws:policy\/.*(?:Administrator|PowerUserAccess|FullAccess|ReadWrite$)/;

/** Who may assume a role of the stack, and what it may do. */
export const iamRoleRules: readonly ResourceRule[] = [
  {
    name: "role-trust-limited",
    severity: "high",
    description: "No role can be assumed by every principal of every account.",
    remediation: "Name the principals, or tie the statement to an account or an organization.",
    topic,
    types: [IAM_ROLE],
    check: forEachTrust((role, statement) =>
      isAboutEverybody(statement) && !isTied(statement, namesPrincipal)
        ? [
            broken(
              role,
              "can be assumed by every principal of every account; it must name principals. Name them.",
            ),
          ]
        : [],
    ),
  },
  {
    name: "role-trust-subject",
    severity: "high",
    description: "No role can be assumed by everyone who has a token of an identity provider.",
    remediation: "Add a condition on the token's `sub` that says what it is and whose.",
    topic,
    types: [IAM_ROLE],
    check: forEachTrust((role, statement) =>
      allows(statement, "sts:AssumeRoleWithWebIdentity") && !isTied(statement, namesSubject)
        ? statement.federated.map((provider) =>
            broken(
              role,
              `can be assumed by anyone who has a token of ${provider}; it must say whose. Add a ` +
                "condition on the token's `sub`, such as `repo:OWNER/REPOSITORY:*`.",
            ),
          )
        : [],
    ),
  },
  {
    name: "role-trust-source",
    severity: "high",
    description: "No role can be assumed by a service on behalf of another account.",
    remediation: "Tie the service to `aws:SourceAccount` or `aws:SourceArn`.",
    topic,
    types: [IAM_ROLE],
    check: forEachTrust((role, statement) =>
      allows(statement, "sts:AssumeRole") && !isTied(statement, namesSource)
        ? statement.principals
            .filter((each) => SERVICE.test(each) && !SERVICES_WITHOUT_SOURCE.test(each))
            .map((service) =>
              broken(
                role,
                `can be assumed by ${service} on behalf of any account; the service must be tied to ` +
                  "this one. Add a condition on `aws:SourceAccount` and `aws:SourceArn`.",
              ),
            )
        : [],
    ),
  },
  {
    name: "role-not-administrator",
    control: {
      id: "IAM.1",
      title: 'IAM policies should not allow full "*" administrative privileges',
    },
    severity: "high",
    description: "No policy of the stack gives every action on every resource.",
    remediation: "List the actions and resources that the task needs.",
    topic,
    types: [IAM_ROLE, ...IAM_POLICIES],
    check: (resource) =>
      judgePowers(resource, (statements) =>
        statements
          .filter(allowsEverything)
          .map(() =>
            broken(
              resource,
              "allows every action on every resource; it must list what the task needs. List it.",
            ),
          ),
      ),
  },
  {
    name: "role-policy-narrow",
    severity: "high",
    description: "No policy of AWS's own that gives a whole service is attached.",
    remediation: "Use a policy that lists what the task needs.",
    topic,
    types: [IAM_ROLE, ...IAM_ATTACHMENTS],
    check: (resource) =>
      demand(
        resource,
        [resource.type === IAM_ROLE ? "managedPolicyArns" : "policyArn"],
        broadPolicy,
      ),
  },
];

function forEachTrust(
  check: (role: Judged, statement: Statement) => Verdict[],
): ResourceRule["check"] {
  return (role) =>
    judgePolicy(role, ["assumeRolePolicy"], (statements) =>
      statements
        .filter(({ effect }) => effect === "Allow")
        .flatMap((statement) => check(role, statement)),
    );
}

function namesSubject(key: string, value: string): boolean {
  if (!key.endsWith(":sub")) return false;
  return /[*?]/.test(value) ? OWNED_SUBJECT.test(value) : value !== "";
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
    actions.some((action) => /^[*?:]*\*[*?:]*$/.test(action)) &&
    resources.some((resource) => /^(?:arn:(?:[^:]+:)?)?[*?:]*\*[*?:]*$/.test(resource))
  );
}
