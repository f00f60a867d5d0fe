import { isAboutEverybody, judgePolicy } from "./policy-document";
import { type ResourceRule, broken, demandAtLeast, lastingOnly } from "./rule";
import { PASSWORD, SALT, SECRET, SECRET_POLICY } from "./types";
import { read } from "../reading";

const topic = { code: "POL184", page: "secrets" };
const LEAST_CHARACTERS = 32;
const LEAST_SALT = 16;

/** What the logins' secrets must be. */
export const secretRules: readonly ResourceRule[] = [
  {
    name: "secret-recoverable",
    severity: "high",
    description: "A deleted secret can be restored for some days.",
    remediation: "Set `recoveryWindowInDays` from 7 to 30.",
    topic,
    levels: lastingOnly,
    types: [SECRET],
    check: (resource) =>
      // Unset means 30 days.
      read(resource.props, "recoveryWindowInDays").state === "absent"
        ? []
        : demandAtLeast(resource, "recoveryWindowInDays", 7),
  },
  {
    name: "secret-not-public",
    severity: "critical",
    description: "No policy of a secret lets everybody read it.",
    remediation: "Name the principals, and set `blockPublicPolicy: true`.",
    topic,
    types: [SECRET, SECRET_POLICY],
    check: (resource) =>
      judgePolicy(resource, ["policy"], (statements) =>
        statements
          .filter((each) => each.effect === "Allow" && isAboutEverybody(each))
          .map(() =>
            broken(
              resource,
              "lets every principal read the secret; it must name principals. Name them.",
            ),
          ),
      ),
  },
  {
    name: "password-long",
    severity: "medium",
    description: "Passwords that the stack makes have 32 characters or more, their salts 16 bytes.",
    remediation: "Raise `length`.",
    topic,
    types: [PASSWORD, SALT],
    check: (resource) =>
      demandAtLeast(resource, "length", resource.type === PASSWORD ? LEAST_CHARACTERS : LEAST_SALT),
  },
];
