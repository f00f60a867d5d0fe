import type { AlterObjectSchemaStmt, Node, RenameStmt } from "libpg-query";
import { identifiers } from "./expressions";
import { renameFunction } from "./function-statements";
import { type TableName, quoteName } from "./names";
import { withEntry, withoutEntries } from "./object-model";
import { renamePolicy } from "./policy-statements";
import { followColumn, followSchema, followType } from "./renamed";
import type { StatementScope } from "./statement-scope";
import { renameColumn, renameForeignKey } from "./table-facts";
import { changeFacts } from "./table-statements";
import { renameView } from "./view-statements";

/** Takes `alter … rename to` into account; tables themselves are renamed elsewhere. */
export function rename(statement: RenameStmt, scope: StatementScope): void {
  const { renameType, relation, object, subname = "", newname = "" } = statement;
  const { objects } = scope;
  if (renameType === "OBJECT_POLICY" && relation) {
    renamePolicy(scope, scope.find(relation), subname, newname);
  } else if (renameType === "OBJECT_COLUMN" && relation) {
    const name = scope.find(relation);
    followColumn(name, subname, newname, scope);
    if (scope.tables.has(name)) {
      changeFacts(scope, name, (facts) => renameColumn(facts, subname, newname));
    }
  } else if (renameType === "OBJECT_TABCONSTRAINT" && relation) {
    const name = scope.find(relation);
    if (scope.tables.has(name)) {
      changeFacts(scope, name, (facts) => renameForeignKey(facts, subname, newname));
    }
  } else if (renameType === "OBJECT_TRIGGER" && relation) {
    const name = quoteName(scope.find(relation));
    objects.triggers = objects.triggers.map((trigger) =>
      trigger.name === subname && quoteName(trigger.relation) === name
        ? { ...trigger, name: newname }
        : trigger,
    );
  } else if (renameType === "OBJECT_ROLE") {
    const role = objects.roles.get(subname);
    if (role) {
      const others = withoutEntries(objects.roles, ({ name }) => name === subname);
      objects.roles = withEntry(others, newname, { ...role, name: newname, origin: scope.origin });
    }
  } else if (renameType === "OBJECT_SCHEMA") renameSchema(subname, newname, scope);
  else if (object && "ObjectWithArgs" in object) {
    renameFunction(object.ObjectWithArgs, { name: newname }, scope);
  } else if (renameType === "OBJECT_TYPE" || renameType === "OBJECT_DOMAIN") {
    const from = typeOf(object, scope);
    followType(from, { ...from, name: newname }, scope);
  } else if (relation && namesRelation(renameType)) {
    const from = scope.find(relation);
    renameView(from, { ...from, name: newname }, scope);
  }
}

/** Takes `alter … set schema` into account; tables themselves are moved elsewhere. */
export function move(statement: AlterObjectSchemaStmt, scope: StatementScope): void {
  const { objectType, object, relation, newschema = "" } = statement;
  if (object && "ObjectWithArgs" in object) {
    renameFunction(object.ObjectWithArgs, { schema: newschema }, scope);
  } else if (objectType === "OBJECT_TYPE" || objectType === "OBJECT_DOMAIN") {
    const from = typeOf(object, scope);
    followType(from, { ...from, schema: newschema }, scope);
  } else if (relation) {
    const from = scope.find(relation);
    renameView(from, { ...from, schema: newschema }, scope);
  }
}

/** A view can be renamed as if it were a table. */
function namesRelation(type: RenameStmt["renameType"]): boolean {
  return type === "OBJECT_VIEW" || type === "OBJECT_MATVIEW" || type === "OBJECT_TABLE";
}

function typeOf(object: Node | undefined, scope: StatementScope): TableName {
  const parts = object && "List" in object ? identifiers(object.List.items ?? []) : [];
  return { schema: scope.schemaOf(parts), name: parts.at(-1) ?? "" };
}

function renameSchema(from: string, to: string, scope: StatementScope): void {
  followSchema(from, to, scope);
  const { objects, origin } = scope;
  const moved = <T extends { schema: string | null }>(item: T): T =>
    item.schema === from ? { ...item, schema: to } : item;
  objects.functions = new Map(
    [...objects.functions].map(([key, item]) => [
      item.schema === from ? to + key.slice(from.length) : key,
      moved(item),
    ]),
  );
  objects.views = new Map(
    [...objects.views.values()].map((view) => [quoteName(moved(view)), moved(view)]),
  );
  objects.defaultPrivileges = objects.defaultPrivileges.map(moved);
  objects.sequences = objects.sequences.map(moved);
  const schema = objects.schemas.get(from);
  if (!schema) return;
  const others = withoutEntries(objects.schemas, ({ name }) => name === from);
  objects.schemas = withEntry(others, to, { ...schema, name: to, origin });
}
