import type { Catalog, Relation } from "./catalog";
import type { Fill } from "./fill";
import type { Identity } from "./identities";
import type { Owners } from "./owners";
import { PEOPLE } from "./people";
import { insertStatement, quoteText } from "./statements";

const TABLES = 12;

/**
 * A script for psql, run by a superuser in a database with the migrations: the rows that it takes, then
 * the attacker's statement; all of it rolled back.
 */
export function reproduction(
  identity: Identity,
  statement: string,
  result: string,
  {
    relations,
    catalog,
    owners,
    fill,
    people,
  }: {
    relations: readonly Relation[];
    catalog: Catalog;
    owners: Owners;
    fill: Fill;
    people: readonly string[];
  },
): string {
  const needed = withParents(relations, catalog, owners).slice(0, TABLES);
  const inserts = needed.flatMap((relation) =>
    PEOPLE.filter(({ id, index }) => index < 2 || people.includes(id)).flatMap(({ index }) =>
      (fill.of(relation).rows[index] ?? []).map(
        (row) => `${insertStatement(relation, row)} on conflict do nothing;`,
      ),
    ),
  );
  return [
    "begin;",
    "set local session_replication_role = replica;",
    ...inserts,
    ...catalog.relations
      .filter(({ kind }) => kind === "m")
      .map(({ sql }) => `refresh materialized view ${sql};`),
    "set local session_replication_role = origin;",
    ...actingAs(identity),
    `${statement};`,
    `-- ${result}`,
    "rollback;",
  ].join("\n");
}

/** The statements that take on an identity. */
export function actingAs({ role, settings, prelude }: Identity): string[] {
  return [
    "set local session authorization app;",
    ...(role === "app" ? [] : [`set local role ${role};`]),
    ...Object.entries(settings).map(
      ([name, value]) => `select set_config(${quoteText(name)}, ${quoteText(value)}, true);`,
    ),
    ...prelude.map((line) => `${line};`),
  ];
}

/** Tables with all that their rows and policies refer to, parents first. */
function withParents(relations: readonly Relation[], catalog: Catalog, owners: Owners): Relation[] {
  const found: Relation[] = [];
  const begun = new Set<number>();
  const add = (relation: Relation) => {
    if (begun.has(relation.id)) return;
    begun.add(relation.id);
    const text = owners.policyText(relation);
    for (const other of catalog.relations) {
      const isRead = new RegExp(`\\b${other.name.replace(/\W/g, "\\$&")}\\b`).test(text);
      const isPart = other.parents.includes(relation.id);
      if (isRead || isPart || relation.foreignKeys.some(({ target }) => target === other.id))
        add(other);
    }
    if (relation.kind === "r") found.push(relation);
  };
  for (const relation of relations) add(relation);
  return found;
}
