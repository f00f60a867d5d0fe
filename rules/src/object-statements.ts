import type { DropStmt, Node, VariableSetStmt } from "libpg-query";
import { migrationRole } from "./contract";
import { constantText, identifiers } from "./expressions";
import {
  alterFunction,
  changeFunction,
  createAggregate,
  createFunction,
  dropFunction,
} from "./function-statements";
import { alterDefaultPrivileges, grant, grantRole } from "./grant-statements";
import { type TableName, quoteName } from "./names";
import { roleName, roleNames } from "./nodes";
import { withEntry, withoutEntries } from "./object-model";
import { alterPolicy, createPolicy, dropPolicy } from "./policy-statements";
import { move, rename } from "./rename-statements";
import { defineRole, dropRoles, setForSessions } from "./role-statements";
import type { Transition } from "./schema";
import type { StatementScope } from "./statement-scope";
import { addIndex } from "./table-facts";
import { changeFacts } from "./table-statements";
import { createMaterializedView, createView, dropView } from "./view-statements";

/** Bits of a parsed trigger's timing and events (`catalog/pg_trigger.h`). */
const TRIGGER_BEFORE = 2;
const TRIGGER_UPDATE = 16;

/** Takes a statement into account that does not make, alter or drop a table. */
export function applyToObjects(node: Node, scope: StatementScope): void {
  if ("CreatePolicyStmt" in node) createPolicy(node.CreatePolicyStmt, scope);
  else if ("AlterPolicyStmt" in node) alterPolicy(node.AlterPolicyStmt, scope);
  else if ("GrantStmt" in node) grant(node.GrantStmt, scope);
  else if ("GrantRoleStmt" in node) grantRole(node.GrantRoleStmt, scope);
  else if ("AlterDefaultPrivilegesStmt" in node) {
    alterDefaultPrivileges(node.AlterDefaultPrivilegesStmt, scope);
  } else if ("CreateFunctionStmt" in node) createFunction(node.CreateFunctionStmt, scope);
  else if ("AlterFunctionStmt" in node) alterFunction(node.AlterFunctionStmt, scope);
  else if ("CreateRoleStmt" in node) {
    defineRole(node.CreateRoleStmt.role ?? "", node.CreateRoleStmt.options, scope);
  } else if ("AlterRoleStmt" in node && node.AlterRoleStmt.role) {
    const { role, options } = node.AlterRoleStmt;
    defineRole(roleName(role, scope.role), options, scope);
  } else if ("DropRoleStmt" in node) {
    dropRoles(roleNames(node.DropRoleStmt.roles, scope.role), scope);
  } else if ("AlterRoleSetStmt" in node) setForSessions(node.AlterRoleSetStmt, scope);
  else if ("AlterDatabaseSetStmt" in node) setForSessions(node.AlterDatabaseSetStmt, scope);
  else if ("VariableSetStmt" in node) setRole(node.VariableSetStmt, scope);
  else if ("CreateSchemaStmt" in node) {
    const { schemaname, authrole } = node.CreateSchemaStmt;
    const owner = authrole ? roleName(authrole, scope.role) : scope.role;
    addSchema(schemaname ?? owner, owner, scope);
  } else if ("ViewStmt" in node) createView(node.ViewStmt, scope);
  else if ("CreateTableAsStmt" in node && node.CreateTableAsStmt.objtype === "OBJECT_MATVIEW") {
    createMaterializedView(node.CreateTableAsStmt, scope);
  } else if ("RuleStmt" in node && node.RuleStmt.relation) {
    const { relation, rulename = "", actions = [] } = node.RuleStmt;
    if (actions.length > 0) addRule(scope.find(relation), rulename, scope);
  } else if ("IndexStmt" in node && node.IndexStmt.relation) {
    const { IndexStmt } = node;
    changeFacts(scope, scope.find(node.IndexStmt.relation), (facts) => addIndex(facts, IndexStmt));
  } else if ("DefineStmt" in node && node.DefineStmt.kind === "OBJECT_OPERATOR") {
    const parts = identifiers(node.DefineStmt.defnames ?? []);
    const made = { schema: scope.schemaOf(parts), name: parts.at(-1) ?? "", origin: scope.origin };
    scope.objects.operators = [...scope.objects.operators, made];
  } else if ("DefineStmt" in node && node.DefineStmt.kind === "OBJECT_AGGREGATE") {
    createAggregate(node.DefineStmt, scope);
  } else if ("CreateTrigStmt" in node && node.CreateTrigStmt.relation) {
    const { trigname = "", relation, funcname = [], timing = 0, events = 0 } = node.CreateTrigStmt;
    const { transitionRels = [] } = node.CreateTrigStmt;
    const parts = identifiers(funcname);
    const made = {
      name: trigname,
      relation: scope.find(relation),
      function: { schema: scope.schemaOf(parts), name: parts.at(-1) ?? "" },
      beforeUpdate: (timing & TRIGGER_BEFORE) !== 0 && (events & TRIGGER_UPDATE) !== 0,
      transitions: transitionRels.flatMap(transitionOf),
      origin: scope.origin,
    };
    scope.objects.triggers = [...withoutTrigger(scope, made.relation, trigname), made];
  } else if ("ReassignOwnedStmt" in node && node.ReassignOwnedStmt.newrole) {
    const from = roleNames(node.ReassignOwnedStmt.roles, scope.role);
    reassign(from, roleName(node.ReassignOwnedStmt.newrole, scope.role), scope);
  } else if ("AlterOwnerStmt" in node) {
    const { object, newowner } = node.AlterOwnerStmt;
    if (object && newowner) changeOwner(object, roleName(newowner, scope.role), scope);
  } else if ("RenameStmt" in node) rename(node.RenameStmt, scope);
  else if ("AlterObjectSchemaStmt" in node) move(node.AlterObjectSchemaStmt, scope);
  else if ("DropStmt" in node) drop(node.DropStmt, scope);
}

function transitionOf(node: Node): Transition[] {
  if (!("TriggerTransition" in node)) return [];
  const { name = "", isNew } = node.TriggerTransition;
  return [{ name, row: isNew ? "new" : "old" }];
}

/** The role after `set role`, `set session authorization` or their reset; undefined for others. */
function setRole({ kind, name, args = [] }: VariableSetStmt, scope: StatementScope): void {
  if (name !== "role" && name !== "session_authorization") {
    if (kind !== "VAR_RESET_ALL") return;
  }
  const wanted = kind === "VAR_SET_VALUE" ? constantText(args[0]) : undefined;
  scope.role = wanted === undefined || wanted === "none" ? migrationRole : wanted;
}

function addSchema(name: string, owner: string, { objects, origin }: StatementScope): void {
  if (objects.schemas.has(name)) return;
  objects.schemas = withEntry(objects.schemas, name, { name, owner, grants: [], origin });
}

function addRule(name: TableName, rule: string, scope: StatementScope): void {
  const add = ({ rewriteRules = [] }: { rewriteRules?: string[] }) => ({
    rewriteRules: [...rewriteRules.filter((other) => other !== rule), rule],
    origin: scope.origin,
  });
  const view = scope.objects.views.get(quoteName(name));
  if (!view) return scope.tables.change(name, add);
  const changed = { ...view, ...add(view) };
  scope.objects.views = withEntry(scope.objects.views, quoteName(name), changed);
}

function changeOwner(object: Node, owner: string, scope: StatementScope): void {
  if ("ObjectWithArgs" in object) {
    changeFunction(object.ObjectWithArgs, scope, (item) => ({ ...item, owner }));
  } else if ("String" in object) {
    const name = object.String.sval ?? "";
    const schema = scope.objects.schemas.get(name) ?? { name, grants: [] };
    const changed = { ...schema, owner, origin: scope.origin };
    scope.objects.schemas = withEntry(scope.objects.schemas, name, changed);
  }
}

function reassign(from: readonly string[], owner: string, scope: StatementScope): void {
  const { objects, origin, tables } = scope;
  const follow = <T extends { owner?: string }>(item: T): T =>
    from.includes(item.owner ?? migrationRole) ? { ...item, owner, origin } : item;
  tables.changeAll(follow);
  objects.views = new Map([...objects.views].map(([key, view]) => [key, follow(view)]));
  objects.functions = new Map([...objects.functions].map(([key, item]) => [key, follow(item)]));
  objects.schemas = new Map([...objects.schemas].map(([key, schema]) => [key, follow(schema)]));
}

function drop({ removeType, objects = [] }: DropStmt, scope: StatementScope): void {
  for (const object of objects) {
    if ("ObjectWithArgs" in object) {
      dropFunction(object.ObjectWithArgs, scope);
      continue;
    }
    const parts = "List" in object ? identifiers(object.List.items ?? []) : [];
    if (removeType === "OBJECT_VIEW" || removeType === "OBJECT_MATVIEW") {
      dropView(relationOf(parts, scope), scope);
    } else if (removeType === "OBJECT_POLICY") {
      dropPolicy(scope, relationOf(parts.slice(0, -1), scope), parts.at(-1) ?? "");
    } else if (removeType === "OBJECT_TRIGGER" && scope.path.length === 0) {
      const relation = relationOf(parts.slice(0, -1), scope);
      scope.objects.triggers = withoutTrigger(scope, relation, parts.at(-1) ?? "");
    } else if (removeType === "OBJECT_RULE" && scope.path.length === 0) {
      const table = relationOf(parts.slice(0, -1), scope);
      const view = scope.objects.views.get(quoteName(table));
      const without = ({ rewriteRules = [] }: { rewriteRules?: string[] }) => ({
        rewriteRules: rewriteRules.filter((name) => name !== parts.at(-1)),
      });
      if (view) {
        const changed = { ...view, ...without(view) };
        scope.objects.views = withEntry(scope.objects.views, quoteName(table), changed);
      } else if (scope.tables.has(table)) scope.tables.change(table, without);
    } else if (removeType === "OBJECT_SCHEMA" && "String" in object && scope.path.length === 0) {
      const name = object.String.sval ?? "";
      const isIn = ({ schema }: { schema: string }) => schema === name;
      const { views, functions, schemas } = scope.objects;
      scope.objects.views = withoutEntries(views, isIn);
      scope.objects.functions = withoutEntries(functions, isIn);
      scope.objects.schemas = withoutEntries(schemas, (_, key) => key === name);
    } else if (removeType === "OBJECT_OPERATOR") {
      scope.objects.operators = scope.objects.operators.filter(({ name }) => name !== parts.at(-1));
    }
  }
}

function withoutTrigger({ objects }: StatementScope, relation: TableName, name: string) {
  return objects.triggers.filter(
    (other) => other.name !== name || quoteName(other.relation) !== quoteName(relation),
  );
}

function relationOf(parts: readonly string[], { find }: StatementScope): TableName {
  const schemaname = parts.at(-2);
  return find({ relname: parts.at(-1) ?? "", ...(schemaname !== undefined && { schemaname }) });
}
