import { everyone } from "./contract";
import { applicationRoles } from "./end-users";
import { privilegesOf } from "./granted-objects";
import { defineRule } from "./rule";

/** Objects to come are granted when they come. */
export const defaultPrivilegesRule = defineRule({
  name: "default-privileges",
  code: "POL125",
  description: "No default privileges open tables, functions or schemas to come.",
  severity: "high",
  level: "mandatory",
  remediation: "Grant on each object in the migration that makes it.",
  find: (schema) => {
    const roles = applicationRoles(schema);
    return (schema.defaultPrivileges ?? []).flatMap((entry) => {
      if (!["tables", "functions", "schemas"].includes(entry.objects)) return [];
      const held = entry.grants.filter(
        ({ grantee }) =>
          roles.has(grantee) ||
          // What PostgreSQL itself gives PUBLIC is in the entry, too.
          (grantee === everyone && entry.objects !== "functions"),
      );
      const [first] = held;
      if (!first) return [];
      const where = entry.schema === null ? "" : ` in schema ${entry.schema}`;
      const object = `default privileges of ${entry.owner}${where}`;
      const who = first.grantee === everyone ? "PUBLIC" : first.grantee;
      return [
        {
          object,
          message: `${object} give ${who} ${privilegesOf(held)} on ${entry.objects} to come, before anybody has looked at them; there must be none`,
          remediation: `Write \`alter default privileges for role ${entry.owner}${where} revoke all on ${entry.objects} from ${first.grantee};\`.`,
          origin: first.origin ?? entry.origin,
        },
      ];
    });
  },
});
