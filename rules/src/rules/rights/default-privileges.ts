import { everyone, holdersOf, listRoles, privilegesOf } from "../../model/judged-schema";
import { quoteIdentifier, quoteRole } from "../../model/names";
import { defineRule } from "../rule";

/** Rights on future objects are granted when the objects are made. */
export const defaultPrivilegesRule = defineRule({
  name: "default-privileges",
  code: "POL125",
  description: "No default privileges open tables, functions or schemas to come.",
  severity: "high",
  level: "mandatory",
  remediation: "Grant on each object in the migration that makes it.",
  judgesPlatformGrants: true,
  find: ({ schema, applicationRoles }) =>
    (schema.defaultPrivileges ?? [])
      .filter(({ objects }) => ["tables", "functions", "schemas"].includes(objects))
      .map(({ objects, grants, owner, schema: place }) => {
        const held = grants.filter(
          ({ grantee }) =>
            applicationRoles.has(grantee) ||
            // What PostgreSQL itself gives PUBLIC is in the entry, too.
            (grantee === everyone && objects !== "functions"),
        );
        const roles = holdersOf(held);
        const where = place === null ? "" : ` in schema ${quoteIdentifier(place)}`;
        const object = `default privileges of ${quoteIdentifier(owner)}${where} on ${objects}`;
        return (
          roles.length > 0 && {
            kind: "default privileges",
            object,
            message: `${object} to come give ${listRoles(roles)} ${privilegesOf(held)}, before anyone has reviewed them; there must be none`,
            remediation: `Write \`alter default privileges for role ${quoteRole(owner)}${where} revoke all on ${objects} from ${roles.map(quoteRole).join(", ")};\`.`,
          }
        );
      }),
});
