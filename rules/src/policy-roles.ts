import { anonymous, everyone } from "./contract";
import { quoteName } from "./names";
import { ownerProof } from "./owner-proof";
import { expressionOf } from "./policy-parts";
import { defineRule } from "./rule";

/** A policy names the role that it is for. */
export const policyRolesRule = defineRule({
  name: "policy-roles",
  code: "POL112",
  description: "No permissive policy is for PUBLIC or for requests without a signed-in user.",
  severity: "high",
  level: "mandatory",
  remediation: "Say whom the policy is for: `to authenticated`.",
  find: (schema) =>
    schema.tables.flatMap((table) =>
      (table.policies ?? []).flatMap((policy) => {
        const found = policy.roles.find((role) => role === everyone || role === anonymous);
        if (!policy.permissive || found === undefined) return [];
        const proof = ownerProof(schema);
        const parts = [expressionOf(policy, "using"), expressionOf(policy, "check")];
        const expressions = parts.filter((part) => part !== null);
        if (expressions.every((expression) => proof.isNever(table, expression))) return [];
        const object = `policy ${policy.name} on ${quoteName(table)}`;
        const who =
          found === everyone ? "PUBLIC, which is every role" : "anon, whom nobody signed in";
        return [
          {
            object,
            message: `${object} is for ${who}; a policy must name the roles that it is for`,
            remediation: `Write \`to authenticated\` in \`create policy ${policy.name}\`.`,
            origin: policy.origin ?? table.origin,
          },
        ];
      }),
    ),
});
