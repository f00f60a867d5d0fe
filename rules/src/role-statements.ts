import type { AlterRoleSetStmt, Node } from "libpg-query";
import { isOn, optionsOf, roleName, roleNames } from "./nodes";
import { withEntry, withoutEntries } from "./object-model";
import type { Membership, Role } from "./schema";
import type { StatementScope } from "./statement-scope";

/** That roles become members of others, or cease to be. */
export interface MembershipChange {
  groups: readonly string[];
  members: readonly string[];
  granted: boolean;
  /** Only an option of the membership is taken away. */
  onlyOption?: boolean;
  inherit?: boolean | undefined;
  set?: boolean | undefined;
  admin?: boolean | undefined;
}

/** Takes `create role` and `alter role` into account. */
export function defineRole(
  name: string,
  nodes: readonly Node[] | undefined,
  scope: StatementScope,
): void {
  const options = optionsOf(nodes);
  const on = (option: string, before: boolean) =>
    options.has(option) ? isOn(options.get(option)) : before;
  const before = roleOf(scope, name);
  const role: Role = {
    ...before,
    superuser: on("superuser", before.superuser),
    bypassRowSecurity: on("bypassrls", before.bypassRowSecurity),
    createRole: on("createrole", before.createRole),
    createDatabase: on("createdb", before.createDatabase),
    replication: on("isreplication", before.replication ?? false),
    login: on("canlogin", before.login),
    inherit: on("inherit", before.inherit),
    origin: scope.origin,
  };
  scope.objects.roles = withEntry(scope.objects.roles, name, role);
  const listed = (option: string) => {
    const value = options.get(option);
    return value && "List" in value ? roleNames(value.List.items, scope.role) : [];
  };
  const join = (groups: string[], members: string[], admin = false) =>
    changeMemberships(scope, { groups, members, granted: true, admin });
  join(listed("addroleto"), [name]);
  join([name], listed("rolemembers"));
  join([name], listed("adminmembers"), true);
}

/** Takes `drop role` into account. */
export function dropRoles(names: readonly string[], { objects, path }: StatementScope): void {
  if (path.length > 0) return;
  objects.roles = withoutEntries(objects.roles, ({ name }) => names.includes(name));
}

/** Takes `alter role … set`, also for all roles, and `alter database … set` into account. */
export function setForSessions(
  { role, setstmt }: Pick<AlterRoleSetStmt, "role" | "setstmt">,
  { objects, role: current, origin }: StatementScope,
): void {
  const { kind, name = "" } = setstmt ?? {};
  const who = role ? roleName(role, current) : null;
  const others = objects.settings.filter(
    (setting) => setting.role !== who || (kind !== "VAR_RESET_ALL" && setting.name !== name),
  );
  const isSet = kind === "VAR_SET_VALUE" || kind === "VAR_SET_CURRENT";
  objects.settings = isSet ? [...others, { role: who, name: name.toLowerCase(), origin }] : others;
}

export function changeMemberships(scope: StatementScope, change: MembershipChange): void {
  const { objects, origin, path } = scope;
  for (const member of change.members) {
    const role = roleOf(scope, member);
    const others = role.memberOf.filter(({ role: group }) => !change.groups.includes(group));
    const kept = role.memberOf.filter(({ role: group }) => change.groups.includes(group));
    let memberOf = role.memberOf;
    if (change.granted) {
      memberOf = [
        ...others,
        ...change.groups.map((group) => membership(group, role, kept, change)),
      ];
    } else if (!change.onlyOption && path.length === 0) memberOf = others;
    objects.roles = withEntry(objects.roles, member, { ...role, memberOf, origin });
  }
}

function membership(
  group: string,
  member: Role,
  kept: readonly Membership[],
  { inherit, set, admin }: MembershipChange,
): Membership {
  const before = kept.find(({ role }) => role === group);
  return {
    role: group,
    admin: admin ?? before?.admin ?? false,
    inherit: inherit ?? before?.inherit ?? member.inherit,
    set: set ?? before?.set ?? true,
  };
}

/** A role that these statements did not make is taken to have no power. */
function roleOf({ objects }: StatementScope, name: string): Role {
  return (
    objects.roles.get(name) ?? {
      name,
      superuser: false,
      bypassRowSecurity: false,
      createRole: false,
      createDatabase: false,
      replication: false,
      login: false,
      inherit: true,
      memberOf: [],
    }
  );
}
