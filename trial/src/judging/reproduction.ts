import type { Identity } from "../attacks/identities";
import type { Catalog, Relation } from "../rows/catalog";
import type { Fill } from "../rows/fill";
import { Reads } from "../rows/reads";
import { insertStatement, quoteIdentifier, quoteText } from "../rows/statements";
import { WORLDS } from "../rows/worlds";

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
    fill,
    worlds,
    given = [],
  }: {
    relations: readonly Relation[];
    catalog: Catalog;
    fill: Fill;
    worlds: readonly number[];
    /** Statements of the superuser, after the rows are there. */
    given?: readonly string[];
  },
): string {
  const needed = withParents(relations, catalog).slice(0, TABLES);
  const inserts = needed.flatMap((relation) =>
    WORLDS.filter(({ index }) => index < 2 || worlds.includes(index)).flatMap(({ index }) =>
      (fill.of(relation).rows[index] ?? []).map(
        (row) => `${insertStatement(relation, row)} on conflict do nothing;`,
      ),
    ),
  );
  return [
    "begin;",
    "set local session_replication_role = replica;",
    ...inserts,
    ...given.map((line) => `${line};`),
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
function actingAs({ role, login, settings, prelude }: Identity): string[] {
  return [
    `set local session authorization ${quoteIdentifier(login)};`,
    ...(role === login ? [] : [`set local role ${quoteIdentifier(role)};`]),
    ...Object.entries(settings).map(
      ([name, value]) => `select set_config(${quoteText(name)}, ${quoteText(value)}, true);`,
    ),
    ...prelude.map((line) => `${line};`),
  ];
}

/** Tables with all that their rows and policies refer to, parents first. */
function withParents(relations: readonly Relation[], catalog: Catalog): Relation[] {
  const found: Relation[] = [];
  const reads = new Reads(catalog);
  const begun = new Set<number>();
  const add = (relation: Relation) => {
    if (begun.has(relation.id)) return;
    begun.add(relation.id);
    const read = reads.by(relation).ids;
    for (const other of catalog.relations) {
      const isPart = other.parents.includes(relation.id);
      const isTarget = relation.foreignKeys.some(({ target }) => target === other.id);
      if (read.has(other.id) || isPart || isTarget) add(other);
    }
    if (relation.kind === "r") found.push(relation);
  };
  for (const relation of relations) add(relation);
  return found;
}
