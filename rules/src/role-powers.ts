import { anonymous, backOffice, loginRole, migrationRole, requestRoles } from "./contract";
import { applicationRoles, pathTo } from "./end-users";
import { quoteName } from "./names";
import { type Found, defineRule } from "./rule";
import type { Origin, Role, Schema } from "./schema";

/** Row level security binds only who has no power over it. */
export const rolePowersRule = defineRule({
  name: "role-powers",
  code: "POL119",
  description:
    "No application role is superuser, bypasses row level security, makes roles, or can become a role that does or that owns anything.",
  severity: "critical",
  level: "mandatory",
  remediation: "Leave roles to the stack, which makes them without any of these powers.",
  find: (schema) => {
    const roles = new Map((schema.roles ?? []).map((role) => [role.name, role]));
    const owners = ownersOf(schema);
    const found: Found[] = [];
    for (const name of applicationRoles(schema)) {
      const role = roles.get(name);
      if (!role) continue;
      const report = (what: string, remedy: string, through: readonly string[] = []) =>
        found.push({
          object: `role ${name}`,
          message: `role ${name} ${what}; row level security must bind every application role`,
          remediation: remedy,
          origin: [name, ...through]
            .map((one) => roles.get(one)?.origin ?? owners.get(one))
            .find(Boolean),
        });
      const power = powerOf(role);
      if (power) report(`has ${power}`, `Write \`alter role ${name} no${power.toLowerCase()};\`.`);
      if (requestRoles.includes(name) && role.login) {
        report("can log in", `Write \`alter role ${name} nologin;\`; applications log in as app.`);
      }
      const path = pathTo(schema, name, (other, attributes) =>
        isPowerful(other, attributes, name, owners),
      );
      const [target, ...before] = [...(path ?? [])].reverse();
      const group = path?.[1];
      if (target !== undefined && group !== undefined && before.length > 0) {
        report(
          `can become ${target} (${(path ?? []).join(" → ")}), whom policies do not confine`,
          `Write \`revoke ${group} from ${name};\`.`,
          path,
        );
      } else if (name === loginRole) {
        const inherited = role.memberOf.find(({ inherit }) => inherit);
        if (inherited) {
          report(
            `has the rights of ${inherited.role} all the time`,
            `Write \`grant ${inherited.role} to ${name} with inherit false;\`.`,
          );
        }
      }
    }
    return [...found, ...bypassing(schema)];
  },
});

function powerOf(role: Role): string | undefined {
  if (role.superuser) return "SUPERUSER";
  if (role.bypassRowSecurity) return "BYPASSRLS";
  if (role.replication) return "REPLICATION";
  return role.createRole ? "CREATEROLE" : undefined;
}

function isPowerful(
  name: string,
  role: Role | undefined,
  from: string,
  owners: ReadonlyMap<string, unknown>,
): boolean {
  if (role && powerOf(role)) return true;
  if (name === migrationRole || owners.has(name) || /^(pg_|rds_(?!iam$)|master$)/.test(name))
    return true;
  // The login takes on the roles of requests; these must not take on each other.
  if (from === loginRole) return false;
  return (
    name === backOffice || (from === anonymous && requestRoles.includes(name)) || name === loginRole
  );
}

/** Roles that own something, each with the statement that made it so. */
function ownersOf(schema: Schema): Map<string, Origin | undefined> {
  const { tables, views = [], functions = [], schemas = [] } = schema;
  const owners = new Map<string, Origin | undefined>();
  for (const { owner, origin } of [...tables, ...views, ...functions, ...schemas]) {
    if (owner !== undefined) owners.set(owner, owners.get(owner) ?? origin);
  }
  return owners;
}

/** Roles that a migration gives power to, and roles with power over row level security and a grant. */
function bypassing(schema: Schema): Found[] {
  const application = applicationRoles(schema);
  return (schema.roles ?? []).flatMap((role): Found[] => {
    const power = powerOf(role);
    if (application.has(role.name) || !power) return [];
    const granted = schema.tables.find(({ grants = [] }) =>
      grants.some(({ grantee }) => grantee === role.name),
    );
    const reads = role.bypassRowSecurity && !role.superuser && granted;
    if (!role.origin && !reads) return [];
    const where = granted ? ` and rights on ${quoteName(granted)}` : "";
    return [
      {
        object: `role ${role.name}`,
        message: `role ${role.name} has ${power}${where}; no role that a migration makes or grants to may be past row level security`,
        remediation: `Write \`alter role ${role.name} no${power.toLowerCase()};\`.`,
        origin: role.origin,
      },
    ];
  });
}
