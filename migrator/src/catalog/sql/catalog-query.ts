import * as database from "./database";
import * as relations from "./relations";
import { ROLE_SETS, roles } from "./roles";
import { functions, types } from "./routines-and-types";
import { select } from "./shared";
import * as tableParts from "./table-parts";

/** A row of each of the queries. */
export interface CatalogRow<Fact> {
  /** OID of the relation that the object is, or is part of; null for all others. */
  relation: number | null;
  key: string;
  fact: Fact;
}

const relationQueries = [
  relations.tables,
  relations.views,
  relations.sequences,
  tableParts.constraints,
  tableParts.indexes,
  tableParts.triggers,
  tableParts.rules,
  tableParts.policies,
  tableParts.statistics,
].map((query) => select(query, "c.oid"));

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
   where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and c.relpersistence <> 't' ${condition}
),
relation_grants as materialized (
  ${relations.RELATION_GRANTS}
)`;

/**
 * Everything, in one statement: one moment's truth and one round trip. `$1`: names of roles that are
 * read in any case.
 */
export const CATALOG_QUERY = `${shared},${relationSets("")},${ROLE_SETS}
${[...relationQueries, ...otherQueries].join("\nunion all\n")}`;

/** Some relations and what belongs to them. `$1`: their OIDs. */
export const RELATIONS_QUERY = `${shared},${relationSets("and c.oid = any ($1::oid[])")}
${relationQueries.join("\nunion all\n")}`;

/** Everything that belongs to no relation. `$1`: names of roles that are read in any case. */
export const OTHERS_QUERY = `${shared},${ROLE_SETS}
${otherQueries.join("\nunion all\n")}`;
