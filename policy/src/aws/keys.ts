import type { PolicyResource } from "@pulumi/policy";
import { namesPrincipal, namesSource } from "./callers";
import {
  type Statement,
  allows,
  isAboutEverybody,
  isTied,
  judgePolicy,
  judgePowers,
  matches,
} from "./policy-document";
import {
  type Judged,
  type ResourceRule,
  type StackRule,
  type Verdict,
  broken,
  demand,
  demandAtLeast,
  unjudged,
} from "./rule";
import { API_KEY_COMPONENT, IAM_POLICIES, IAM_ROLE, KEY, KEY_GRANT, KEY_POLICIES } from "./types";
import { read, readWhole } from "../reading";

const topic = { code: "POL177", page: "keys" };

/** Everything that encrypts, decrypts, or hands the right to do so on. */
const CRYPTOGRAPHIC_USE = [
  "kms:Decrypt",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];
const HANDED_ON = [
  ...CRYPTOGRAPHIC_USE,
  "kms:GenerateDataKeyPair",
  "kms:GenerateDataKeyPairWithoutPlaintext",
  "kms:GenerateMac",
  "kms:VerifyMac",
  "kms:Sign",
  "kms:Verify",
  "kms:DeriveSharedSecret",
  "kms:CreateGrant",
];
/** A service in one region or in all. */
const SERVICE_HOST =
  /^[a-z][a-z0-9-]*\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$|^[a-z][a-z0-9-]*\.\*\.amazonaws\.com$/;
/** A text that does not begin with a wildcard; of an ARN, the account or, where it has none, the name. */
const CONTEXT_VALUE = /^(?!arn:)[^*?]|^arn:[^:*?]+:[^:*?]+:[^:]*:(?:\d{12}:|:[^*?])/;
const CONTEXT = "kms:EncryptionContext:";
/** Parts of the encryption context that have one value for the whole stack. */
const FIXED_PARTS = ["app", "environment", "purpose"];
const USER_PART = "user_id";

/** What holds of every KMS key. */
export const keyRules: readonly ResourceRule[] = [
  {
    name: "key-rotation",
    control: { id: "KMS.4", title: "AWS KMS key rotation should be enabled" },
    severity: "medium",
    description: "KMS rotates the material of every symmetric key.",
    remediation: "Set `enableKeyRotation: true`.",
    topic,
    types: [KEY],
    check: (resource) => {
      const kind = read(resource.props, "customerMasterKeySpec");
      const isSymmetric =
        kind.state === "absent" || kind.state === "unknown" || kind.value === "SYMMETRIC_DEFAULT";
      if (!isSymmetric) return [];
      return demand(resource, ["enableKeyRotation"], (value) =>
        value === true
          ? undefined
          : `has enableKeyRotation ${value === undefined ? "unset" : "off"}; it must be true. ` +
            "Set `enableKeyRotation: true`.",
      );
    },
  },
  {
    name: "key-deletion-window",
    control: { id: "KMS.3", title: "AWS KMS keys should not be deleted unintentionally" },
    severity: "critical",
    description: "A deleted key can be restored for as many days as the environment demands.",
    remediation: "Raise `deletionWindowInDays`.",
    topic,
    settings: {
      days: {
        description: "Days in which the deletion of a key can be cancelled.",
        by: { local: 7, dev: 7, staging: 30, prod: 30 },
        minimum: 7,
        maximum: 30,
      },
    },
    types: [KEY],
    check: (resource, { days = 30 }) => demandAtLeast(resource, "deletionWindowInDays", days),
  },
  {
    name: "key-not-public",
    control: { id: "KMS.5", title: "KMS keys should not be publicly accessible" },
    severity: "critical",
    description: "No key lets principals of any account use it.",
    remediation: "Name the principals, or tie the statement to the account.",
    topic,
    types: KEY_POLICIES,
    check: (resource) =>
      judgePolicy(resource, ["policy"], (statements) =>
        statements
          .filter(isPublic)
          .map(() =>
            broken(
              resource,
              "has a policy that allows every principal of every account; it must name principals. " +
                "Name them, or add a condition on `aws:PrincipalAccount`.",
            ),
          ),
      ),
  },
  {
    name: "key-use-limited",
    severity: "high",
    description:
      "The right to administer a key is no right to use it: each right to use it is tied to a service, an encryption context or an AWS resource.",
    remediation:
      "List the administrative actions, and tie use to a service or an encryption context.",
    topic,
    types: [...KEY_POLICIES, KEY_GRANT],
    check: (resource) =>
      resource.type === KEY_GRANT ? demandConstraint(resource) : demandLimits(resource),
  },
  {
    name: "decryption-limited",
    control: {
      id: "KMS.1",
      title:
        "IAM customer managed policies should not allow decryption actions on all KMS keys (KMS.2: nor inline policies)",
    },
    severity: "medium",
    description: "No IAM policy of the stack lets its holder decrypt with every key.",
    remediation: "Put the ARNs of the keys into `Resource`.",
    topic,
    types: [IAM_ROLE, ...IAM_POLICIES],
    check: (resource) =>
      judgePowers(resource, (statements) =>
        statements
          .filter(decryptsEverything)
          .map(() =>
            broken(
              resource,
              "lets its holder decrypt with every key; it must name keys. Put their ARNs into `Resource`.",
            ),
          ),
      ),
  },
];

/** A ciphertext that was moved to another user's row must not decrypt, even if all else failed. */
export const apiKeyContextRule: StackRule = {
  name: "api-key-context",
  severity: "critical",
  description:
    "The policy of the API keys' key refuses every use without the whole encryption context.",
  remediation:
    "Deny every principal any use without a part of the context, one statement for each part.",
  topic,
  checkStack: (resources) =>
    resources
      .filter(({ type }) => type === API_KEY_COMPONENT)
      .flatMap((component) => {
        const keys = resources.filter(
          ({ type, parent, opts }) =>
            type === KEY && (parent?.urn ?? opts.parent) === component.urn,
        );
        return keys.length > 0
          ? keys.flatMap(judgeContext)
          : [broken(component, "has no KMS key of its own; it must have one. Make it a child.")];
      }),
};

function judgeContext(key: PolicyResource): Verdict[] {
  const policy = read(key.props, "policy");
  if (policy.state === "absent") return missingParts(key, []);
  return judgePolicy(key, ["policy"], (statements) => missingParts(key, statements));
}

function missingParts(key: PolicyResource, statements: readonly Statement[]): Verdict[] {
  return [...FIXED_PARTS, USER_PART]
    .filter((part) => !statements.some((statement) => refusesWithout(statement, part)))
    .map((part) =>
      broken(
        key,
        `has a policy that does not refuse use without ${CONTEXT}${part}; every part of the context ` +
          "must be demanded. Add a Deny for every principal, with that condition alone.",
      ),
    );
}

/** With a second condition the refusal would only hold where that holds, too. */
function refusesWithout(statement: Statement, part: string): boolean {
  const [condition, ...others] = statement.conditions;
  if (statement.effect !== "Deny" || !condition || others.length > 0) return false;
  if (!isAboutEverybody(statement) || !statement.resources.includes("*")) return false;
  if (!CRYPTOGRAPHIC_USE.every((action) => allows(statement, action))) return false;
  if (condition.key.toLowerCase() !== `${CONTEXT}${part}`.toLowerCase()) return false;
  return part === USER_PART
    ? condition.operator === "Null" && condition.values.join() === "true"
    : condition.operator === "StringNotEquals" &&
        condition.values.length === 1 &&
        // A variable is whatever the caller is.
        condition.values.every((value) => !value.includes("${"));
}

function demandLimits(key: Judged): Verdict[] {
  if (read(key.props, "policy").state === "absent") {
    return [
      broken(
        key,
        "has no policy, so AWS's default applies, which lets IAM policies alone allow its use; it must have " +
          "one that ties use to a service (`kms:ViaService`), an encryption context or an AWS resource. " +
          "Set `policy`.",
      ),
    ];
  }
  return judgePolicy(key, ["policy"], (statements) =>
    statements
      .filter(isUnlimitedUse)
      .map(({ actions }) =>
        broken(
          key,
          `has a policy that allows ${used(actions)} to any caller; use must be tied to a service ` +
            "(`kms:ViaService`), an encryption context or an AWS resource. Add the condition.",
        ),
      ),
  );
}

/** A grant is a right to use a key beside its policy. */
function demandConstraint(grant: Judged): Verdict[] {
  const operations = readWhole(grant.props, "operations");
  if (operations.state === "unknown") return [unjudged(grant, ["operations"])];
  const given = operations.state === "known" ? [operations.value].flat().map(String) : [];
  const actions = given.map((operation) => `kms:${operation}`);
  if (!HANDED_ON.some((action) => allows({ actions }, action))) return [];
  return demand(grant, ["constraints"], (constraints) =>
    [constraints ?? []].flat().some(namesContext)
      ? undefined
      : `gives ${used(actions)} without a constraint; use must be tied to an encryption context. ` +
        "Set `constraints`.",
  );
}

/** Whether a constraint has a part of the encryption context in either of its fields. */
function namesContext(constraint: unknown): boolean {
  return Object.values(Object(constraint)).some(
    (context) => Object.keys(Object(context)).length > 0,
  );
}

function isPublic(statement: Statement): boolean {
  return (
    statement.effect === "Allow" &&
    isAboutEverybody(statement) &&
    !isTied(
      statement,
      (key, value) =>
        namesPrincipal(key === "kms:calleraccount" ? "aws:principalaccount" : key, value) ||
        namesSource(key, value),
    )
  );
}

/** What is true of most calls, such as TLS or the account, limits nothing. */
function isUnlimitedUse(statement: Statement): boolean {
  return (
    statement.effect === "Allow" &&
    HANDED_ON.some((action) => allows(statement, action)) &&
    !isTied(
      statement,
      (key, value) =>
        (key === "kms:viaservice" && SERVICE_HOST.test(value)) ||
        (key.startsWith(CONTEXT.toLowerCase()) && CONTEXT_VALUE.test(value)) ||
        namesSource(key, value),
    ) &&
    !isGrantToService(statement)
  );
}

function isGrantToService({ conditions }: Statement): boolean {
  return conditions.some(
    ({ operator, key, values }) =>
      operator === "Bool" &&
      key.toLowerCase() === "kms:grantisforawsresource" &&
      values.join() === "true",
  );
}

function decryptsEverything(statement: Statement): boolean {
  return (
    statement.effect === "Allow" &&
    ["kms:Decrypt", "kms:ReEncryptFrom"].some((action) => allows(statement, action)) &&
    statement.resources.some(takesInOtherKeys)
  );
}

/** Whether the pattern of an ARN has a wildcard where a key has its identifier. */
function takesInOtherKeys(pattern: string): boolean {
  const [, , service = "*", , , ...rest] = pattern.split(":");
  if (!matches(service, "kms")) return false;
  // A pattern with fewer parts is one whose wildcard stands for the others.
  if (rest.length === 0) return /[*?]/.test(pattern);
  const [beginning = "", ...more] = rest.join(":").split(/[*?]/);
  return more.length > 0 && (beginning.startsWith("key/") || "key/".startsWith(beginning));
}

function used(actions: readonly string[]): string {
  const found = actions.filter((pattern) =>
    HANDED_ON.some((action) => allows({ actions: [pattern] }, action)),
  );
  return found.join(", ");
}
