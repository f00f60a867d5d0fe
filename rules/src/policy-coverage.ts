import { everyone } from "./contract";
import { inheritedRoles } from "./end-users";
import { quoteName } from "./names";
import { defineRule } from "./rule";
import type { Grant, Schema, Table } from "./schema";

const commands = ["select", "insert", "update", "delete"] as const;

/** Whatever a role is granted, a policy says which rows it means. */
export const policyCoverageRule = defineRule({
  name: "policy-coverage",
  code: "POL113",
  description: "For each command that a role is granted on a table, a permissive policy covers it.",
  severity: "medium",
  level: "mandatory",
  remediation: "Add a policy for the role and the command, or revoke the right.",
  find: (schema) => schema.tables.flatMap((table) => findUncovered(schema, table)),
});

function findUncovered(schema: Schema, table: Table) {
  const { grants = [], policies = [], assumed, origin } = table;
  // Of a table that these statements did not make, earlier policies are not known.
  if (assumed) return [];
  const object = quoteName(table);
  return [...new Set(grants.map(({ grantee }) => grantee))].flatMap((role) => {
    if (role === everyone || passesPolicies(schema, role)) return [];
    const acting = inheritedRoles(schema, role);
    const missing = commands.filter(
      (command) =>
        grants.some((grant) => isOf(grant, role, command)) &&
        !policies.some(
          (policy) =>
            policy.permissive &&
            (policy.command === "all" || policy.command === command) &&
            policy.roles.some((bound) => acting.has(bound)),
        ),
    );
    if (missing.length === 0) return [];
    const what = missing.join(", ");
    const given = grants.find((grant) => missing.some((command) => isOf(grant, role, command)));
    return [
      {
        object,
        message:
          `${role} is granted ${what} on ${object}, for which no permissive policy lets it reach any ` +
          "row; every command that a role is granted must have its policy",
        remediation: `Write a policy \`for ${missing[0] ?? "all"} to ${role}\`, or revoke the right.`,
        origin: given?.origin ?? origin,
      },
    ];
  });
}

function isOf({ grantee, privilege }: Grant, role: string, command: string): boolean {
  return grantee === role && privilege === command;
}

/** Rules on roles refuse these; a policy would not bind them. */
function passesPolicies({ roles = [] }: Schema, name: string): boolean {
  return roles.some((role) => role.name === name && (role.superuser || role.bypassRowSecurity));
}
