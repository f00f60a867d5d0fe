import * as database from "./database";
import * as relations from "./relations";
import { ROLE_SETS, roles } from "./roles";
import { functions, types } from "./routines-and-types";
import { type ObjectQuery, select } from "./shared";
import * as tableParts from "./table-parts";
import { type Search, touchedSets } from "./touched";

/** A row of each of the queries. */
export interface CatalogRow<Fact> {
  /** OID of the relation that the object is, or is part of; null for all others. */
  relation: number | null;
  key: string;
  fact: Fact;
}

const ofRelations = (queries: readonly ObjectQuery[]) =>
  queries.map((query) => select(query, "c.oid")).join("\nunion all\n");

// What most migrations change; and what few relations are or have.
const common = [
  relations.tables,
  tableParts.constraints,
  tableParts.indexes,
  tableParts.triggers,
  tableParts.policies,
];
const rare = [relations.views, relations.sequences, tableParts.rules, tableParts.statistics];

const otherQueries = [
  functions,
  types,
  database.database,
  database.schemas,
  database.extensions,
  database.defaultPrivileges,
  database.publications,
  database.eventTriggers,
  database.foreignServers,
  roles,
].map((query) => select(query, "null::oid"));

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
${[ofRelations([...common, ...rare]), ...otherQueries].join("\nunion all\n")}`;

const touchedColumns = `t.has_written, t.locked, t.counted, t.others, t.types_gone, t.constraints,
       (select coalesce(json_agg(distinct r.oid::bigint), '[]') from touched_relations r) as relations`;

/**
 * What a transaction touched so far, and the relations among it with what belongs to them, but for what
 * {@link RARE_QUERY} reads: one row. A query takes the longer to start the more it could read. For the
 * parameters see {@link touchedSets}.
 */
export const stepQuery = (search: Search) =>
  search === "gone"
    ? `with ${touchedSets(search).trim()}
select ${touchedColumns}, '[]'::json as objects, false as rare from touched t`
    : `${shared},${touchedSets(search)},
${relationSets("and c.oid = any (array(select t.oid from touched_relations t))")}
select ${touchedColumns},
       (select coalesce(json_agg(json_build_object('relation', o.relation::bigint, 'key', o.key,
                  'fact', o.fact)), '[]') from (${ofRelations(common)}) o) as objects,
       exists (select from relations c where c.relkind in ('v', 'm', 'S') or c.relhasrules)
         or exists (select from relations c join pg_statistic_ext s on s.stxrelid = c.oid) as rare
  from touched t`;

/** Views, sequences, rules and statistics of some relations. `$1`: their OIDs. */
export const RARE_QUERY = `${shared},${relationSets("and c.oid = any ($1::oid[])")}
${ofRelations(rare)}`;

/** Everything that belongs to no relation. `$1`: names of roles that are read in any case. */
export const OTHERS_QUERY = `${shared},${ROLE_SETS}
${otherQueries.join("\nunion all\n")}`;
