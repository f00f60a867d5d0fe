import { requestRolesOf } from "../model/contract";
import type { JudgedSchema } from "../model/judged-schema";
import { quoteName, quoteRole, roleObject } from "../model/names";
import type { Role } from "../model/schema";
import { type Findings, defineRule } from "./rule";

/** Row level security binds only who has no power over it. */
export const rolePowersRule = defineRule({
  name: "role-powers",
  code: "POL119",
  description:
    "No application role is superuser, bypasses row level security, makes roles, or can become a role that does or that owns anything.",
  severity: "critical",
  level: "mandatory",
  remediation: "Leave roles to what makes them without any of these powers.",
  find: (judged) => {
    const { contract, applicationRoles } = judged;
    // Platforms let their back office past row level security.
    const accepted = contract.platformGrants ? contract.backOfficeRoles : [];
    const application = [...applicationRoles].filter((name) => !accepted.includes(name));
    return [
      ...application.flatMap((name) => ofApplicationRole(name, judged)),
      ...(judged.schema.roles ?? [])
        .filter(
          ({ name }) =>
            !applicationRoles.has(name) &&
            name !== contract.migrationRole &&
            !contract.platformRoles.includes(name),
        )
        .flatMap((role) => ofOtherRole(role, judged)),
    ];
  },
});

function ofApplicationRole(name: string, judged: JudgedSchema): Findings {
  const { contract } = judged;
  const role = judged.role(name);
  if (!role) return [];
  const sql = quoteRole(name);
  const found: [what: string, remedy: string][] = [];
  const power = powerOf(role);
  if (power) found.push([`has ${power}`, `alter role ${sql} no${power.toLowerCase()};`]);
  if (requestRolesOf(contract).includes(name) && role.login) {
    found.push(["can log in", `alter role ${sql} nologin;`]);
  }
  const path = judged.pathTo(name, (other) => isPowerful(other, name, judged));
  const [target, member] = [path?.at(-1), path?.at(-2)];
  const inherited = role.memberOf.find(({ inherit }) => inherit)?.role;
  if (path && target !== undefined && member !== undefined) {
    found.push([
      `can become ${target} (${path.join(" → ")}), whom policies do not confine`,
      `revoke ${quoteRole(target)} from ${quoteRole(member)};`,
    ]);
  } else if (name === contract.loginRole && inherited !== undefined && role.inherit) {
    found.push([
      `has the rights of ${inherited} all the time`,
      `grant ${quoteRole(inherited)} to ${sql} with inherit false;`,
    ]);
  }
  return found.map(([what, remedy]) => ({
    ...roleObject(name),
    message: `role ${name} ${what}; row level security must bind every application role`,
    remediation: `Write \`${remedy}\`.`,
  }));
}

/** A role beside the contract's that is past row level security and has a right on a table. */
function ofOtherRole(role: Role, { tables }: JudgedSchema): Findings {
  const granted = tables.find(({ grants = [] }) =>
    grants.some(({ grantee }) => grantee === role.name),
  );
  const power = powerOf(role);
  if (!granted || !power || role.superuser || !role.bypassRowSecurity) return [];
  return {
    ...roleObject(role.name),
    message: `role ${role.name} has ${power} and rights on ${quoteName(granted)}; no role that has rights on tables may be past row level security`,
    remediation: `Write \`alter role ${quoteRole(role.name)} no${power.toLowerCase()};\`.`,
  };
}

function powerOf(role: Role): string | undefined {
  if (role.superuser) return "SUPERUSER";
  if (role.bypassRowSecurity) return "BYPASSRLS";
  if (role.replication) return "REPLICATION";
  return role.createRole ? "CREATEROLE" : undefined;
}

function isPowerful(name: string, from: string, judged: JudgedSchema): boolean {
  const { contract, schema } = judged;
  // The login takes on the roles of requests; these must not take on each other.
  const isRequest = requestRolesOf(contract).includes(name);
  if (from === contract.loginRole && isRequest) return false;
  const role = judged.role(name);
  if (role && powerOf(role)) return true;
  const { tables, views, functions } = judged;
  const owners = [...tables, ...views, ...functions, ...(schema.schemas ?? [])];
  if (name.startsWith("pg_") || owners.some(({ owner }) => owner === name)) return true;
  if (name === contract.migrationRole || contract.platformRoles.includes(name)) return true;
  if (from === contract.loginRole) return false;
  return (
    contract.backOfficeRoles.includes(name) ||
    (from === contract.anonymousRole && isRequest) ||
    name === contract.loginRole
  );
}
