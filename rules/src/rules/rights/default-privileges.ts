import { everyone, holdersOf, listRoles, privilegesOf } from "../../model/judged-schema";
import { quoteIdentifier, quoteRole } from "../../model/names";
import { type Findings, defineRule } from "../rule";

/** Objects to come are granted when they come. */
export const defaultPrivilegesRule = defineRule({
  name: "default-privileges",
  code: "POL125",
  description: "No default privileges open tables, functions or schemas to come.",
  severity: "high",
  level: "mandatory",
  remediation: "Grant on each object in the migration that makes it.",
  judgesPlatformGrants: true,
  find: ({ schema, applicationRoles }) =>
    (schema.defaultPrivileges ?? []).flatMap(
      ({ objects, grants, owner, schema: in_ }): Findings => {
        if (!["tables", "functions", "schemas"].includes(objects)) return [];
        const held = grants.filter(
          ({ grantee }) =>
            applicationRoles.has(grantee) ||
            // What PostgreSQL itself gives PUBLIC is in the entry, too.
            (grantee === everyone && objects !== "functions"),
        );
        if (held.length === 0) return [];
        const roles = holdersOf(held);
        const where = in_ === null ? "" : ` in schema ${quoteIdentifier(in_)}`;
        const object = `default privileges of ${quoteIdentifier(owner)}${where} on ${objects}`;
        return {
          kind: "default privileges",
          object,
          message: `${object} to come give ${listRoles(roles)} ${privilegesOf(held)}, before anybody has looked at them; there must be none`,
          remediation: `Write \`alter default privileges for role ${quoteRole(owner)}${where} revoke all on ${objects} from ${roles.map(quoteRole).join(", ")};\`.`,
        };
      },
    ),
});
