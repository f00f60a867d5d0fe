import { backOffice, endUserRoles, everyone, migrationRole } from "./contract";
import type { Role, Schema } from "./schema";

/** Roles that no end user acts as, though the application's login may take on the first. */
const trusted: readonly string[] = [backOffice, migrationRole];

/** Whose rights an end user's request can have: the contract's roles, and what these can become. */
export function endUsers(schema: Schema): ReadonlySet<string> {
  const roles = new Map((schema.roles ?? []).map((role) => [role.name, role]));
  const found = new Set<string>(endUserRoles);
  for (const name of found) {
    for (const { role } of roles.get(name)?.memberOf ?? []) {
      if (!trusted.includes(role) && !role.startsWith("pg_")) found.add(role);
    }
  }
  return found;
}

/** The roles of applications: {@link endUsers} and the back office, PUBLIC left out. */
export function applicationRoles(schema: Schema): ReadonlySet<string> {
  const found = new Set([...endUsers(schema), backOffice]);
  found.delete(everyone);
  return found;
}

/** The roles whose rights a role has without `set role`, itself and PUBLIC among them. */
export function inheritedRoles(schema: Schema, name: string): ReadonlySet<string> {
  const roles = new Map((schema.roles ?? []).map((role) => [role.name, role]));
  const found = new Set([name, everyone]);
  for (const member of found) {
    for (const { role, inherit } of roles.get(member)?.memberOf ?? []) {
      if (inherit) found.add(role);
    }
  }
  return found;
}

/** How a role becomes another, outermost first; undefined when it can not. */
export function pathTo(
  schema: Schema,
  from: string,
  isWanted: (role: string, power: Role | undefined) => boolean,
): string[] | undefined {
  const roles = new Map((schema.roles ?? []).map((role) => [role.name, role]));
  const paths = new Map([[from, [from]]]);
  for (const [name, path] of paths) {
    if (name !== from && isWanted(name, roles.get(name))) return path;
    for (const { role, inherit, set, admin } of roles.get(name)?.memberOf ?? []) {
      if ((inherit || set || admin) && !paths.has(role)) paths.set(role, [...path, role]);
    }
  }
  return undefined;
}
