import type {
  AlterDefaultPrivilegesStmt,
  GrantRoleStmt,
  GrantStmt,
  Node,
  ObjectType,
} from "libpg-query";
import { everyone } from "./contract";
import { identifiers } from "./expressions";
import { functionsNamed, isProcedure } from "./function-statements";
import { quoteName } from "./names";
import { columnNames, isOn, optionsOf, roleNames } from "./nodes";
import { withEntry } from "./object-model";
import { changeMemberships } from "./role-statements";
import type { DatabaseFunction, DefaultPrivilege, Grant, Sequence } from "./schema";
import type { StatementScope } from "./statement-scope";
import { isPrefix } from "./table-model";

/** What ALL stands for, by the kind of object. */
const allPrivileges: Readonly<Record<DefaultPrivilege["objects"], readonly string[]>> = {
  tables: ["select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"],
  sequences: ["usage", "select", "update"],
  functions: ["execute"],
  types: ["usage"],
  schemas: ["usage", "create"],
};

type Kind = DefaultPrivilege["objects"];

const executionByAll: Grant = { grantee: everyone, privilege: "execute", columns: null };

const kinds: Partial<Record<ObjectType, Kind>> = {
  OBJECT_TABLE: "tables",
  OBJECT_SEQUENCE: "sequences",
  OBJECT_FUNCTION: "functions",
  OBJECT_PROCEDURE: "functions",
  OBJECT_ROUTINE: "functions",
  OBJECT_SCHEMA: "schemas",
  OBJECT_TYPE: "types",
  OBJECT_DOMAIN: "types",
};

/** Takes a grant or revoke on tables, views, functions and schemas into account. */
export function grant(statement: GrantStmt, scope: StatementScope): void {
  const kind = statement.objtype && kinds[statement.objtype];
  if (!kind) return;
  const change = changeOf(statement, kind, scope);
  const objects = statement.objects ?? [];
  // In a branch that may not run, a right that was granted before it stays.
  const adds = statement.is_grant === true || scope.path.length === 0;
  if (statement.targtype === "ACL_TARGET_ALL_IN_SCHEMA") {
    const schemas = identifiers(objects);
    if (kind === "sequences" && adds) {
      for (const schema of schemas) changeSequences(scope, schema, null, change);
    }
    if (kind === "tables" && adds) grantOnAllTables(schemas, change, scope);
    if (kind === "functions" && adds) {
      const { objtype } = statement;
      const isMeant = (item: DatabaseFunction) =>
        objtype === "OBJECT_ROUTINE" || isProcedure(item) === (objtype === "OBJECT_PROCEDURE");
      changeFunctions(scope, change, (item) => schemas.includes(item.schema) && isMeant(item));
    }
    return;
  }
  for (const object of objects) {
    if (kind === "tables" && "RangeVar" in object) {
      const name = scope.find(object.RangeVar);
      const view = scope.objects.views.get(quoteName(name));
      if (view) {
        if (adds) changeView(scope, quoteName(name), change);
      } else if (adds || scope.tables.isMadeIn(name, scope.path)) {
        scope.tables.change(name, ({ grants = [] }) => ({ grants: change(grants) }));
      }
    } else if (kind === "functions" && "ObjectWithArgs" in object) {
      const named = functionsNamed(object.ObjectWithArgs, scope);
      const isHere = (key: string) =>
        adds || isPrefix(scope.path, scope.objects.branches.get(key) ?? []);
      changeFunctions(scope, change, (_, key) => named.includes(key) && isHere(key));
    } else if (kind === "sequences" && "RangeVar" in object && adds) {
      const { schema, name } = scope.find(object.RangeVar);
      changeSequences(scope, schema, name, change);
    } else if (kind === "schemas" && "String" in object && adds) {
      changeSchema(scope, object.String.sval ?? "", change);
    }
  }
}

/** Changes the rights on a sequence; without a name on all of a schema, each that is known among them. */
function changeSequences(
  { objects, origin }: StatementScope,
  schema: string,
  name: string | null,
  change: GrantChange,
): void {
  const isMeant = (other: Sequence) =>
    other.schema === schema && (name === null || other.name === name);
  const known = objects.sequences.some((other) => other.schema === schema && other.name === name);
  const all = known
    ? objects.sequences
    : [...objects.sequences, { schema, name, grants: [], origin }];
  objects.sequences = all.map((item) =>
    isMeant(item) ? { ...item, grants: change(item.grants) } : item,
  );
}

/** Takes `alter default privileges` into account. */
export function alterDefaultPrivileges(
  { options, action }: AlterDefaultPrivilegesStmt,
  scope: StatementScope,
): void {
  const kind = action?.objtype && kinds[action.objtype];
  if (!action || !kind || (!action.is_grant && scope.path.length > 0)) return;
  const given = optionsOf(options);
  const listed = (name: string) => {
    const value = given.get(name);
    return value && "List" in value ? (value.List.items ?? []) : undefined;
  };
  const change = changeOf(action, kind, scope);
  const roles = listed("roles");
  const schemas = listed("schemas");
  for (const owner of roles ? roleNames(roles, scope.role) : [scope.role]) {
    for (const schema of schemas ? identifiers(schemas) : [null]) {
      const isSame = (entry: DefaultPrivilege) =>
        entry.owner === owner && entry.schema === schema && entry.objects === kind;
      const before = scope.objects.defaultPrivileges.find(isSame);
      // PostgreSQL lets PUBLIC execute functions; that is taken away everywhere or not at all.
      const own = schema === null && kind === "functions" ? [executionByAll] : [];
      const grants = change(before?.grants ?? own);
      const entry = { owner, schema, objects: kind, grants, origin: scope.origin };
      scope.objects.defaultPrivileges = [
        ...scope.objects.defaultPrivileges.filter((other) => !isSame(other)),
        ...(grants.length > 0 || own.length > 0 ? [entry] : []),
      ];
    }
  }
}

/** Takes `grant role to role` into account. */
export function grantRole(statement: GrantRoleStmt, scope: StatementScope): void {
  const options = optionsOf(statement.opt);
  const option = (name: string) => (options.has(name) ? isOn(options.get(name)) : undefined);
  changeMemberships(scope, {
    groups: roleNames(statement.granted_roles, scope.role),
    members: roleNames(statement.grantee_roles, scope.role),
    granted: statement.is_grant ?? false,
    // `revoke set option for` and the like leave the membership.
    onlyOption: !statement.is_grant && options.size > 0,
    inherit: option("inherit"),
    set: option("set"),
    admin: option("admin"),
  });
}

/** What a table that is made now is granted by default. */
export function defaultGrants(scope: StatementScope, schema: string): Grant[] {
  return scope.objects.defaultPrivileges
    .filter(
      (entry) =>
        entry.objects === "tables" &&
        entry.owner === scope.role &&
        (entry.schema === null || entry.schema === schema),
    )
    .flatMap(({ grants }) => grants);
}

type GrantChange = (grants: readonly Grant[]) => Grant[];

function changeOf(statement: GrantStmt, kind: Kind, scope: StatementScope): GrantChange {
  const { is_grant, privileges, grantees, grant_option } = statement;
  const roles = roleNames(grantees, scope.role);
  const wanted = (privileges ?? [{ AccessPriv: {} }]).flatMap((node) => privilegesOf(node, kind));
  if (!is_grant) {
    // `revoke grant option for` leaves the right.
    if (grant_option) return (grants) => grants.map((held) => keepingIt(held, roles, wanted));
    return (grants) => grants.flatMap((held) => without(held, roles, wanted));
  }
  const added = roles.flatMap((grantee) =>
    wanted.map((privilege) => ({
      grantee,
      ...privilege,
      ...(grant_option && { grantable: true }),
      origin: scope.origin,
    })),
  );
  return (grants) => [...grants, ...added];
}

type Privilege = Pick<Grant, "privilege" | "columns">;

function privilegesOf(node: Node, kind: Kind): Privilege[] {
  if (!("AccessPriv" in node)) return [];
  const { priv_name, cols } = node.AccessPriv;
  const columns = cols ? columnNames(cols) : null;
  const names = priv_name === undefined || priv_name === "all" ? allPrivileges[kind] : [priv_name];
  return names
    .filter(
      (name) => columns === null || ["select", "insert", "update", "references"].includes(name),
    )
    .map((privilege) => ({ privilege: privilege.toLowerCase(), columns }));
}

/** What is left of a grant; a right on the whole table is not narrowed by a revoke on columns. */
function without(held: Grant, roles: readonly string[], wanted: readonly Privilege[]): Grant[] {
  if (!roles.includes(held.grantee)) return [held];
  let { columns } = held;
  for (const { privilege, columns: revoked } of wanted) {
    if (privilege !== held.privilege) continue;
    if (revoked === null) return [];
    columns = columns && columns.filter((column) => !revoked.includes(column));
  }
  return columns?.length === 0 ? [] : [{ ...held, columns }];
}

/** A grant that can no longer be passed on, where it is one of those that are meant. */
function keepingIt(held: Grant, roles: readonly string[], wanted: readonly Privilege[]): Grant {
  const isMeant =
    roles.includes(held.grantee) &&
    wanted.some(({ privilege, columns }) => privilege === held.privilege && columns === null);
  return isMeant ? { ...held, grantable: false } : held;
}

function grantOnAllTables(
  schemas: readonly string[],
  change: GrantChange,
  scope: StatementScope,
): void {
  scope.tables.changeAll((table) =>
    schemas.includes(table.schema) ? { grants: change(table.grants ?? []) } : {},
  );
  for (const [key, view] of scope.objects.views) {
    if (schemas.includes(view.schema)) changeView(scope, key, change);
  }
}

function changeView({ objects }: StatementScope, key: string, change: GrantChange): void {
  const view = objects.views.get(key);
  if (!view) return;
  objects.views = withEntry(objects.views, key, { ...view, grants: change(view.grants) });
}

function changeSchema({ objects, role }: StatementScope, name: string, change: GrantChange): void {
  const schema = objects.schemas.get(name) ?? { name, owner: role, grants: [] };
  const grants = change(schema.grants);
  objects.schemas = withEntry(objects.schemas, name, { ...schema, grants });
}

function changeFunctions(
  { objects, origin }: StatementScope,
  change: GrantChange,
  isMeant: (item: DatabaseFunction, key: string) => boolean,
): void {
  objects.functions = new Map(
    [...objects.functions].map(([key, item]) => {
      if (!isMeant(item, key)) return [key, item];
      const held = item.executableBy.map((grantee) => ({
        grantee,
        privilege: "execute",
        columns: null,
      }));
      const after = new Set(change(held).map(({ grantee }) => grantee));
      after.delete(item.owner);
      const widened = [...after].some((grantee) => !item.executableBy.includes(grantee));
      return [key, { ...item, executableBy: [...after], ...(widened && { origin }) }];
    }),
  );
}
