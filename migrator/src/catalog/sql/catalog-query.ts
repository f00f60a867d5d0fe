import * as database from "./database";
import * as relations from "./relations";
import { ROLE_SETS, roles } from "./roles";
import { functions, types } from "./routines-and-types";
import { type ObjectQuery, select } from "./shared";
import * as tableParts from "./table-parts";
import { ownerName } from "./versions";

/** A row of each of the queries. */
export interface CatalogRow<Fact> {
  /** The relation, function or type that the object is, or is part of; null for all others. */
  owner: string | null;
  key: string;
  fact: Fact;
}

const union = (queries: readonly ObjectQuery[], owner: string) =>
  queries.map((query) => select(query, owner)).join("\nunion all\n");

const ofRelations = union(
  [
    relations.tables,
    relations.views,
    relations.sequences,
    tableParts.constraints,
    tableParts.indexes,
    tableParts.triggers,
    tableParts.policies,
    tableParts.rules,
    tableParts.statistics,
  ],
  ownerName("relation", "c.oid"),
);
const ofFunctions = select(functions, ownerName("function", "p.oid"));
const ofTypes = select(types, ownerName("type", "t.oid"));
const others = union(
  [
    database.database,
    database.schemas,
    database.extensions,
    database.defaultPrivileges,
    database.publications,
    database.eventTriggers,
    database.foreignServers,
    roles,
  ],
  "null",
);

const shared = `
with recursive namespaces as materialized (
  select oid, nspname, nspowner, nspacl from pg_namespace
   where nspname !~ '^pg_' and nspname <> 'information_schema'
),
here as materialized (select * from pg_database where datname = current_database())`;

const relationSets = (condition: string) => `
relations as materialized (
  select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as qualified
    from pg_class c join namespaces n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and c.relpersistence <> 't'
     ${condition}
),
relation_grants as materialized (
  ${relations.RELATION_GRANTS}
)`;

/**
 * Everything, in one statement: one moment's truth and one round trip. `$1`: names of roles that are
 * read in any case.
 */
export const CATALOG_QUERY = `${shared},${relationSets("")},${ROLE_SETS}
${[ofRelations, ofFunctions, ofTypes, others].join("\nunion all\n")}`;

/** What is no part of a relation, function or type. `$1` as above. */
export const OTHERS_QUERY = `${shared},${ROLE_SETS}
${others}`;

/** The objects of each kind with all that is part of them. `$1`: their OIDs. */
export const OWNER_QUERIES = {
  relation: `${shared},${relationSets("and c.oid = any ($1::oid[])")}
${ofRelations}`,
  // What an aggregate runs may be another function that was changed.
  function: `${shared}
${ofFunctions} and (p.oid = any ($1::oid[]) or p.prokind = 'a')`,
  type: `${shared}
${ofTypes} and t.oid = any ($1::oid[])`,
} as const;

const OF_KIND: Readonly<Record<string, ObjectQuery>> = {
  table: relations.tables,
  view: relations.views,
  "materialized view": relations.views,
  sequence: relations.sequences,
  constraint: tableParts.constraints,
  index: tableParts.indexes,
  trigger: tableParts.triggers,
  policy: tableParts.policies,
  rule: tableParts.rules,
  statistics: tableParts.statistics,
  function: functions,
  type: types,
  schema: database.schemas,
  extension: database.extensions,
  "default privileges": database.defaultPrivileges,
  publication: database.publications,
  "event trigger": database.eventTriggers,
  "foreign server": database.foreignServers,
};

/**
 * What the catalog holds of the objects of some kinds, for SQL that stands by itself: common table
 * expressions, the last of which is `objects (owner, key, fact)`.
 */
export function objectsOfKinds(kinds: Iterable<string>): string {
  const queries = new Set([...kinds].flatMap((kind) => OF_KIND[kind] ?? []));
  return `${shared},${relationSets("")},
objects as (
${union([...queries], "null")}
)`;
}
