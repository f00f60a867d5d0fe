import { everyone } from "./contract";
import { type GrantedObject, grantedRelations, privilegesOf, revocable } from "./granted-objects";
import { defineRule } from "./rule";
import type { Schema } from "./schema";

/** PUBLIC is every role that there is and will be. */
export const publicRightsRule = defineRule({
  name: "public-rights",
  code: "POL115",
  description: "PUBLIC has no right on any table, view or schema.",
  severity: "high",
  level: "mandatory",
  remediation: "Revoke it from PUBLIC and grant it to the role that needs it.",
  find: (schema) =>
    [...grantedRelations(schema), ...grantedSchemas(schema)].flatMap(
      ({ object, grants, origin }) => {
        const held = grants.filter(({ grantee }) => grantee === everyone);
        const [first] = held;
        if (!first) return [];
        const what = privilegesOf(held);
        return [
          {
            object: revocable(object),
            message: `PUBLIC has ${what} on ${object}; PUBLIC must have no right on anything`,
            remediation: `Write \`revoke all on ${revocable(object)} from public;\` and grant to roles by name.`,
            origin: first.origin ?? origin,
          },
        ];
      },
    ),
});

/**
 * PostgreSQL itself lets PUBLIC use the schema `public` of a new database, and a catalog does not tell
 * that from a grant; SQL does.
 */
function grantedSchemas({ schemas = [] }: Schema): GrantedObject[] {
  return schemas.map(({ name, grants, origin }) => ({
    object: `schema ${name}`,
    grants: grants.filter(
      (grant) => name !== "public" || grant.privilege !== "usage" || grant.origin !== undefined,
    ),
    origin,
  }));
}
