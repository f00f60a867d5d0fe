import { expressionOf } from "../../conditions/policies";
import { constantTruth } from "../../conditions/identity";
import { everyone } from "../../model/judged-schema";
import { partObject, quoteRole } from "../../model/names";
import { parseExpression } from "../../sql/expressions";
import { defineRule } from "../rule";

/** A policy names the role that it is for. */
export const policyRolesRule = defineRule({
  name: "policy-roles",
  code: "POL112",
  description: "No permissive policy is for PUBLIC or for requests without a signed-in user.",
  severity: "high",
  level: "mandatory",
  remediation: "Name the policy's roles: `to ROLE`.",
  judgesPlatformGrants: true,
  find: ({ policies, contract: { anonymousRole, signedInRoles } }) =>
    policies.map(({ table, policy }) => {
      const found = policy.roles.find((role) => role === everyone || role === anonymousRole);
      if (!policy.permissive || found === undefined) return undefined;
      const parts = [expressionOf(policy, "using"), expressionOf(policy, "check")];
      if (parts.every((part) => part === null || isNever(part))) return undefined;
      const named = partObject("policy", policy.name, table);
      const who =
        found === everyone ? "PUBLIC, which is every role" : `${found}, whom nobody signed in`;
      return {
        ...named,
        message: `${named.object} is for ${who}; a policy must name the roles that it is for`,
        remediation: `Write \`alter ${named.object} to ${signedInRoles.map(quoteRole).join(", ")};\`.`,
      };
    }),
});

function isNever(expression: string): boolean {
  const tree = parseExpression(expression);
  return tree !== undefined && constantTruth(tree) === false;
}
