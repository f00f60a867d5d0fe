import { hasKeptBody } from "./function-bodies";
import { type Mention, mentionsIn } from "./kept-sql";
import {
  type Certainty,
  meansColumn,
  meansFunction,
  meansRelation,
  meansType,
  strongest,
} from "./meanings";
import { type TableName, quoteName } from "./names";
import type { DatabaseFunction, TableKind } from "./schema";
import type { StatementScope } from "./statement-scope";

/** What a `cascade` takes away. */
export type Gone =
  | { kind: "function"; key: string; item: DatabaseFunction }
  | { kind: "relation" | "type"; name: TableName }
  | { kind: "column"; table: TableName; column: string };

/** What there can not be without an object, policies and foreign keys left out. */
export function dependentsOf(gone: Gone, scope: StatementScope): Gone[] {
  const { functions, views } = scope.objects;
  const byView = [...views.values()].filter(
    ({ definition = "" }) =>
      uses(mentionsIn(definition, "statement"), gone, undefined, scope) === "yes",
  );
  const byFunction = [...functions].filter(
    ([key, item]) => hasType(key, item, gone) || isMadeOf(item, gone, scope),
  );
  return [
    ...byView.map(({ schema, name }): Gone => ({ kind: "relation", name: { schema, name } })),
    ...childrenOf(gone, scope),
    ...byFunction.flatMap(([key]) => asGone(key, scope)),
    ...columnsOfType(gone, scope),
  ];
}

/** The partitions and inheritance children of a table. @param only the kind that it must be of. */
export function childrenOf(gone: Gone, { tables }: StatementScope, only?: TableKind): Gone[] {
  if (gone.kind !== "relation") return [];
  if (only !== undefined && tables.get(gone.name)?.kind !== only) return [];
  return tables
    .tables()
    .filter(({ parents = [] }) => parents.some((parent) => isSame(parent, gone.name)))
    .map(({ schema, name }): Gone => ({ kind: "relation", name: { schema, name } }));
}

/** A function by its key. */
export function asGone(key: string, { objects }: StatementScope): Gone[] {
  const item = objects.functions.get(key);
  return item ? [{ kind: "function", key, item }] : [];
}

/** Whether SQL uses an object. @param own the table that it is a policy of. */
export function uses(
  mentions: readonly Mention[],
  gone: Gone,
  own: TableName | undefined,
  scope: StatementScope,
): Certainty {
  return strongest(
    mentions.map((mention) => {
      switch (gone.kind) {
        case "function":
          return meansFunction(mention, gone.item, scope);
        case "relation":
          return meansRelation(mention, gone.name, scope);
        case "type":
          return meansType(mention, gone.name);
        case "column":
          return meansColumn(mention, gone, own, scope);
      }
    }),
  );
}

/** Whether two names are one. */
export function isSame(one: TableName, other: TableName): boolean {
  return quoteName(one) === quoteName(other);
}

/** Whether a function has its body kept parsed and uses the object there, or is an aggregate of it. */
function isMadeOf(item: DatabaseFunction, gone: Gone, scope: StatementScope): boolean {
  const { source, calls = [] } = item;
  if (gone.kind === "function" && calls.some((call) => isSame(call, gone.item))) return true;
  if (!source || !hasKeptBody(item)) return false;
  return uses(mentionsIn(source, "body"), gone, undefined, scope) === "yes";
}

function hasType(key: string, { returns = "" }: DatabaseFunction, gone: Gone): boolean {
  if (gone.kind !== "relation" && gone.kind !== "type") return false;
  const types = [...key.slice(key.indexOf("(") + 1, -1).split(","), returns.replace(/^setof /, "")];
  return types.some((type) => type.replace(/\[\]$/, "") === gone.name.name);
}

function columnsOfType(gone: Gone, { tables }: StatementScope): Gone[] {
  if (gone.kind !== "relation" && gone.kind !== "type") return [];
  return tables
    .tables()
    .flatMap(({ schema, name, columns = [] }) =>
      columns
        .filter(({ type }) => type.replace(/\[\]$/, "") === gone.name.name)
        .map((column): Gone => ({ kind: "column", table: { schema, name }, column: column.name })),
    );
}
