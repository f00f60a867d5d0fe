import { applicationRoles } from "./end-users";
import { grantedRelations, privilegesOf, revocable } from "./granted-objects";
import { defineRule } from "./rule";

/** Rights that policies do not confine. */
const unconfined: readonly string[] = ["truncate", "references", "trigger", "maintain"];

/**
 * TRUNCATE empties a table whatever its policies say; the others open ways around them. Who may pass a
 * right on decides who has it, in place of the migrations.
 */
export const unconfinedRightsRule = defineRule({
  name: "unconfined-rights",
  code: "POL117",
  description:
    "No application role has TRUNCATE, REFERENCES, TRIGGER or MAINTAIN, or may pass any right on.",
  severity: "high",
  level: "mandatory",
  remediation: "Grant select, insert, update and delete by name, never ALL.",
  find: (schema) => {
    const roles = applicationRoles(schema);
    return grantedRelations(schema).flatMap(({ object, grants, origin }) => {
      const held = grants.filter(
        ({ grantee, privilege }) => roles.has(grantee) && unconfined.includes(privilege),
      );
      const name = revocable(object);
      const passed = grants.filter(({ grantee, grantable }) => roles.has(grantee) && grantable);
      const passing = [...new Set(passed.map(({ grantee }) => grantee))].map((role) => {
        const own = passed.filter(({ grantee }) => grantee === role);
        const what = privilegesOf(own);
        return {
          object: name,
          message: `${role} may grant ${what} on ${object} to others; who has a right must be read in the migrations`,
          remediation: `Write \`revoke grant option for ${what} on ${name} from ${role};\`.`,
          origin: own[0]?.origin ?? origin,
        };
      });
      const holding = [...new Set(held.map(({ grantee }) => grantee))].map((role) => {
        const own = held.filter(({ grantee }) => grantee === role);
        const what = privilegesOf(own);
        return {
          object: name,
          message: `${role} has ${what} on ${object}, which row level security does not confine; no application role must have it`,
          remediation: `Write \`revoke ${what} on ${name} from ${role};\`, and grant no ALL.`,
          origin: own[0]?.origin ?? origin,
        };
      });
      return [...holding, ...passing];
    });
  },
});
