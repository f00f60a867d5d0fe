import {
  type JudgedSchema,
  commands,
  everyone,
  holdersOf,
  judges,
} from "../../model/judged-schema";
import { quoteRole, tableObject } from "../../model/names";
import type { Table } from "../../model/schema";
import { type Findings, defineRule } from "../rule";

/** For every right that a role is granted, a policy says which rows. */
export const policyCoverageRule = defineRule({
  name: "policy-coverage",
  code: "POL113",
  description: "For each command that a role is granted on a table, a permissive policy covers it.",
  severity: "medium",
  level: "mandatory",
  remediation: "Add a policy for the role and the command, or revoke the right.",
  judgesPlatformGrants: true,
  find: (judged) => judged.tables.flatMap((table) => findUncovered(table, judged)),
});

function findUncovered(table: Table, judged: JudgedSchema): Findings {
  const { grants = [], policies = [] } = table;
  const named = tableObject(table);
  return holdersOf(grants).map((role) => {
    const power = judged.role(role);
    // Rules on roles refuse these; a policy would not bind them.
    if (role === everyone || power?.superuser || power?.bypassRowSecurity) return [];
    const acting = judged.inheritedRoles(role);
    const missing = commands.filter(
      (command) =>
        grants.some(({ grantee, privilege }) => grantee === role && privilege === command) &&
        !policies.some(
          (policy) =>
            policy.permissive &&
            judges(policy, command) &&
            policy.roles.some((bound) => acting.has(bound)),
        ),
    );
    const [first] = missing;
    if (first === undefined) return [];
    return {
      ...named,
      message:
        `${role} is granted ${missing.join(", ")} on ${named.object}, for which no permissive policy lets it ` +
        "reach any row; every command that a role is granted must have its policy",
      remediation: `Write a policy \`for ${first} to ${quoteRole(role)}\`, or revoke the right.`,
    };
  });
}
