import { requestRolesOf } from "../../model/contract";
import type { JudgedSchema } from "../../model/judged-schema";
import { quoteName, quoteRole, roleObject } from "../../model/names";
import type { Role } from "../../model/schema";
import { type Findings, type Found, defineRule } from "../rule";

/** Row level security binds only roles that have no power over it. */
export const rolePowersRule = defineRule({
  name: "role-powers",
  code: "POL119",
  description:
    "No application role is superuser, bypasses row level security, makes roles, or can become a role that does or that owns anything.",
  severity: "critical",
  level: "mandatory",
  remediation: "Give application roles none of these powers.",
  find: (judged) => {
    const { contract, applicationRoles } = judged;
    // Platforms let their back office past row level security.
    const accepted = contract.platformGrants ? contract.backOfficeRoles : [];
    const application = [...applicationRoles].filter((name) => !accepted.includes(name));
    return [
      application.map((name) => ofApplicationRole(name, judged)),
      (judged.schema.roles ?? [])
        .filter(
          ({ name }) =>
            !applicationRoles.has(name) &&
            name !== contract.migrationRole &&
            !contract.platformRoles.includes(name),
        )
        .map((role) => ofOtherRole(role, judged)),
    ];
  },
});

function ofApplicationRole(name: string, judged: JudgedSchema): Findings {
  const { contract } = judged;
  const role = judged.role(name);
  if (!role) return undefined;
  const sql = quoteRole(name);
  const found = (what: string, remedy: string): Found => ({
    ...roleObject(name),
    message: `role ${name} ${what}; row level security must bind every application role`,
    remediation: `Write \`${remedy};\`.`,
  });
  const power = powerOf(role);
  const isOpen = requestRolesOf(contract).includes(name) && role.login;
  const path = judged.pathTo(name, (other) => isPowerful(other, name, judged));
  const [target = "", member = ""] = [path?.at(-1), path?.at(-2)];
  const inherited = role.memberOf.find(({ inherit }) => inherit)?.role;
  const isAlways = !path && name === contract.loginRole && role.inherit;
  return [
    power && found(`has ${power}`, `alter role ${sql} no${power.toLowerCase()}`),
    isOpen && found("can log in", `alter role ${sql} nologin`),
    path &&
      found(
        `can become ${target} (${path.join(" → ")}), whom policies do not confine`,
        `revoke ${quoteRole(target)} from ${quoteRole(member)}`,
      ),
    isAlways &&
      inherited !== undefined &&
      found(
        `has the rights of ${inherited} all the time`,
        `grant ${quoteRole(inherited)} to ${sql} with inherit false`,
      ),
  ];
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

function powerOf(role: Role) {
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
