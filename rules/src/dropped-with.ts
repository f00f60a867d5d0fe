import type { DropStmt, Node } from "libpg-query";
import { type Gone, asGone, childrenOf, dependentsOf, isSame, uses } from "./dependents";
import { identifiers } from "./expressions";
import { functionsNamed } from "./function-statements";
import { mentionsIn } from "./kept-sql";
import { quoteName } from "./names";
import { withoutEntries } from "./object-model";
import type { RowPolicy, Table } from "./schema";
import type { StatementScope } from "./statement-scope";
import { dropColumn } from "./table-facts";

const relationKinds: readonly DropStmt["removeType"][] = [
  "OBJECT_TABLE",
  "OBJECT_FOREIGN_TABLE",
  "OBJECT_VIEW",
  "OBJECT_MATVIEW",
];

/** Takes into account what goes with the objects of a `drop`; they themselves are dropped elsewhere. */
export function dropWithDependents(statement: DropStmt, scope: StatementScope): void {
  const { removeType, objects = [], behavior } = statement;
  const gone = objects.flatMap((object) => goneWith(removeType, object, scope));
  if (behavior === "DROP_CASCADE") return cascade(gone, scope);
  // Whatever else depends on them has PostgreSQL refuse the statement.
  const relations = gone.filter(({ kind }) => kind === "relation");
  const partitions = relations.flatMap((one) => childrenOf(one, scope, "partitioned table"));
  cascade(partitions, scope);
  if (scope.path.length === 0) for (const one of relations) dropParts(one, scope);
}

/** Drops objects, what depends on them, and what depends on that in turn. */
export function cascade(gone: readonly Gone[], scope: StatementScope): void {
  const queue = [...gone];
  const seen = new Set<string>();
  // What is found on the way is appended.
  for (const one of queue) {
    if (seen.has(nameOf(one))) continue;
    seen.add(nameOf(one));
    dropPolicies(one, scope);
    // In a branch that may not run, only what holds users back is taken for gone.
    if (scope.path.length > 0) continue;
    queue.push(...dependentsOf(one, scope));
    dropParts(one, scope);
    remove(one, scope);
  }
}

function goneWith(kind: DropStmt["removeType"], object: Node, scope: StatementScope): Gone[] {
  const { functions, views } = scope.objects;
  if ("ObjectWithArgs" in object) {
    if (kind === "OBJECT_OPERATOR") return [];
    return functionsNamed(object.ObjectWithArgs, scope).flatMap((key) => asGone(key, scope));
  }
  if (kind === "OBJECT_SCHEMA" && "String" in object) {
    const isIn = ({ schema }: { schema: string }) => schema === object.String.sval;
    const relations = [...scope.tables.tables(), ...views.values()].filter(isIn);
    return [
      ...[...functions].flatMap(([key, item]) => (isIn(item) ? asGone(key, scope) : [])),
      ...relations.map(({ schema, name }): Gone => ({ kind: "relation", name: { schema, name } })),
    ];
  }
  if ("TypeName" in object) {
    const parts = identifiers(object.TypeName.names ?? []);
    return [{ kind: "type", name: { schema: scope.schemaOf(parts), name: parts.at(-1) ?? "" } }];
  }
  if (!relationKinds.includes(kind)) return [];
  const parts = "List" in object ? identifiers(object.List.items ?? []) : [];
  const schemaname = parts.at(-2);
  const relation = { relname: parts.at(-1) ?? "", ...(schemaname !== undefined && { schemaname }) };
  return [{ kind: "relation", name: scope.find(relation) }];
}

function dropPolicies(gone: Gone, scope: StatementScope): void {
  const isLost = (table: Table, { using, check, permissive }: RowPolicy) => {
    const mentions = [using, check].flatMap((text) => mentionsIn(text ?? "", "expression"));
    const answer = uses(mentions, gone, table, scope);
    // What is unclear is taken for what lets users reach more.
    if (!permissive) return answer !== "no";
    return answer === "yes" && scope.path.length === 0;
  };
  scope.tables.changeAll((table) => {
    const { policies = [] } = table;
    const left = policies.filter((policy) => !isLost(table, policy));
    return left.length === policies.length ? {} : { policies: left };
  });
}

/** Takes away what goes with an object even without `cascade`, and the keys that lead to it. */
function dropParts(gone: Gone, { objects, tables }: StatementScope): void {
  if (gone.kind === "function") {
    objects.triggers = objects.triggers.filter(({ function: run }) => !isSame(run, gone.item));
  } else if (gone.kind === "relation") {
    objects.triggers = objects.triggers.filter(({ relation }) => !isSame(relation, gone.name));
    tables.changeAll(({ foreignKeys = [] }) => ({
      foreignKeys: foreignKeys.filter(({ table }) => !isSame(table, gone.name)),
    }));
  } else if (gone.kind === "column") {
    tables.changeAll(({ foreignKeys = [] }) => ({
      foreignKeys: foreignKeys.filter(
        ({ table, references }) => !isSame(table, gone.table) || !references.includes(gone.column),
      ),
    }));
  }
}

function remove(gone: Gone, { objects, tables, path }: StatementScope): void {
  if (gone.kind === "function") {
    objects.functions = withoutEntries(objects.functions, (_, key) => key === gone.key);
  } else if (gone.kind === "relation") {
    objects.views = withoutEntries(objects.views, (_, key) => key === quoteName(gone.name));
    tables.drop(gone.name, path);
  } else if (gone.kind === "column" && tables.has(gone.table)) {
    tables.change(gone.table, ({ columns, keys = [], foreignKeys = [], indexes = [] }) =>
      dropColumn({ columns, keys, foreignKeys, indexes }, gone.column),
    );
  }
}

function nameOf(gone: Gone): string {
  switch (gone.kind) {
    case "function":
      return `function ${gone.key}`;
    case "column":
      return `column ${quoteName(gone.table)}.${gone.column}`;
    default:
      return `${gone.kind} ${quoteName(gone.name)}`;
  }
}
