import { isSame } from "./dependents";
import { hasKeptBody } from "./function-bodies";
import { type KeptForm, type Mention, withNames } from "./kept-sql";
import { meansColumn, meansFunction, meansRelation, meansRow, meansType } from "./meanings";
import { type TableName, unknownSchema } from "./names";
import { functionKey } from "./object-model";
import type { DatabaseFunction, RowPolicy } from "./schema";
import type { StatementScope } from "./statement-scope";

/** What a name that PostgreSQL keeps is from now on; undefined where it stays as it is. */
type Renaming = (mention: Mention, own: TableName | undefined) => readonly string[] | undefined;

/** Policies, views, bodies, triggers and aggregates follow a function to its new name. */
export function followFunction(
  item: DatabaseFunction,
  { schema, name }: TableName,
  scope: StatementScope,
): void {
  renameKept(scope, (mention) => {
    const answer = meansFunction(mention, item, scope);
    if (answer === "no") return undefined;
    // What may be a call of another function is not proven to be one of either.
    return answer === "yes" ? [schema, name] : [unknownSchema, mention.parts.at(-1) ?? ""];
  });
  const follow = (other: TableName) => (isSame(other, item) ? { schema, name } : other);
  const { objects } = scope;
  objects.triggers = objects.triggers.map((trigger) => ({
    ...trigger,
    function: follow(trigger.function),
  }));
  objects.functions = new Map(
    [...objects.functions].map(([key, other]) => [
      key,
      other.calls ? { ...other, calls: other.calls.map(follow) } : other,
    ]),
  );
}

/** Policies, views, bodies and triggers follow a table or view to its new name. */
export function followRelation(from: TableName, to: TableName, scope: StatementScope): void {
  renameKept(scope, (mention, own) => {
    const { parts, isLocal } = mention;
    const answer = isLocal ? "no" : meansRelation(mention, from, scope);
    // A name without a schema was mostly looked up in `public`.
    if (answer === "yes" || (answer === "maybe" && from.schema === "public")) {
      return [to.schema, to.name];
    }
    if (parts.at(-2) !== from.name || meansRow(mention, from, own, scope) === "no")
      return undefined;
    return [to.name, parts.at(-1) ?? ""];
  });
  renameTypes(from.name, to.name, scope);
  const { objects } = scope;
  objects.triggers = objects.triggers.map((trigger) =>
    isSame(trigger.relation, from) ? { ...trigger, relation: to } : trigger,
  );
}

/** Policies, views and bodies follow a column to its new name. */
export function followColumn(
  table: TableName,
  from: string,
  to: string,
  scope: StatementScope,
): void {
  renameKept(scope, (mention, own) => {
    const { parts } = mention;
    if (parts.at(-1) !== from) return undefined;
    const answer = meansColumn(mention, { table, column: from }, own, scope);
    return answer === "no" ? undefined : [...parts.slice(0, -1), to];
  });
  scope.tables.changeAll(({ foreignKeys = [] }) => ({
    foreignKeys: foreignKeys.map((key) =>
      isSame(key.table, table)
        ? { ...key, references: key.references.map((name) => (name === from ? to : name)) }
        : key,
    ),
  }));
}

/** Policies, views and bodies follow a type to its new name. */
export function followType(from: TableName, to: TableName, scope: StatementScope): void {
  renameKept(scope, (mention) =>
    meansType(mention, from) === "no" ? undefined : [to.schema, to.name],
  );
  renameTypes(from.name, to.name, scope);
}

/** Policies, views and bodies follow a schema to its new name. */
export function followSchema(from: string, to: string, scope: StatementScope): void {
  renameKept(scope, ({ kind, parts }) => {
    const at = parts.length - (kind === "column" ? 3 : 2);
    return parts[at] === from ? parts.map((part, index) => (index === at ? to : part)) : undefined;
  });
  const moved = (name: TableName) => (name.schema === from ? { ...name, schema: to } : name);
  scope.objects.triggers = scope.objects.triggers.map((trigger) => ({
    ...trigger,
    relation: moved(trigger.relation),
    function: moved(trigger.function),
  }));
}

function renameKept({ objects, tables }: StatementScope, renaming: Renaming): void {
  const changed = (text: string, form: KeptForm, own?: TableName) =>
    withNames(text, form, (mention) => renaming(mention, own));
  tables.changeAll((table) => {
    const inPolicy = ({ using, check, ...policy }: RowPolicy): RowPolicy => ({
      ...policy,
      using: using === null ? null : changed(using, "expression", table),
      check: check === null ? null : changed(check, "expression", table),
    });
    return table.policies ? { policies: table.policies.map(inPolicy) } : {};
  });
  objects.views = new Map(
    [...objects.views].map(([key, { definition, ...view }]) => [
      key,
      definition === undefined ? view : { ...view, definition: changed(definition, "statement") },
    ]),
  );
  objects.functions = new Map(
    [...objects.functions].map(([key, item]) => {
      const { source } = item;
      if (!source || !hasKeptBody(item)) return [key, item];
      return [key, { ...item, source: changed(source, "body") }];
    }),
  );
}

/** Columns, parameters and results follow a type, or the rows of a table, to its new name. */
function renameTypes(from: string, to: string, { objects, tables }: StatementScope): void {
  // The type is the last word, before the brackets of an array.
  const renamed = (text: string) =>
    text.replace(/[^ ]+?(?=(\[\])?$)/, (type) => (type === from ? to : type));
  const renamedAll = (list: string, between: string) =>
    list.split(between).map(renamed).join(between);
  tables.changeAll(({ columns }) => ({
    ...(columns && {
      columns: columns.map((column) => ({ ...column, type: renamed(column.type) })),
    }),
  }));
  objects.functions = new Map(
    [...objects.functions].map(([key, { returns, ...item }]) => {
      const types = key.slice(key.indexOf("(") + 1, -1);
      return [
        functionKey(item.schema, item.name, [renamedAll(types, ",")]),
        {
          ...item,
          arguments: renamedAll(item.arguments, ", "),
          ...(returns !== undefined && { returns: renamed(returns) }),
        },
      ];
    }),
  );
}
