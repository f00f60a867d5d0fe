import type { Contract } from "@app-data/rules";
import type { ClientBase } from "pg";
import { CATALOG_SQL } from "./catalog-sql";

/** A relation of an application schema, as the trial needs to know it. */
export interface Relation {
  id: number;
  schema: string;
  name: string;
  /** Quoted and qualified. */
  sql: string;
  /** As in pg_class: r table, p partitioned table, f foreign table, v view, m materialized view. */
  kind: "r" | "p" | "f" | "v" | "m";
  columns: Column[];
  checks: Check[];
  /** Columns of each unique or exclusion constraint or index, without those over expressions. */
  uniques: string[][];
  primaryKey: string[];
  foreignKeys: ForeignKey[];
  /** Ids of what it is a partition or inheritance child of. */
  parents: number[];
  isPartition: boolean;
  /** The query of a view or materialized view, or the rewrite rules of a table. */
  definition: string | null;
  /** Has triggers or rewrite rules, so that a write may reach other tables. */
  hasEffects: boolean;
  /** Ids of the functions of its triggers. */
  triggers: number[];
  /** What the partition key or its bounds demand; null when it is no partition. */
  partitionCheck: string | null;
  policies: Policy[];
  /** By role name. */
  rights: Record<string, Rights>;
}

/** A column. */
export interface Column {
  name: string;
  /** As `format_type` writes it. */
  type: string;
  /** Name of the type below a domain. */
  base: string;
  isDomain: boolean;
  /** What its domain demands of `VALUE`. */
  domainChecks: string[];
  /** As in pg_type: b base, e enum, c composite, r range, m multirange. */
  typeKind: string;
  /** Labels of an enum, in order. */
  labels: string[];
  /** `format_type` of an array's elements. */
  element: string | null;
  notNull: boolean;
  hasDefault: boolean;
  /** Stored or identity "always": cannot be written. */
  generated: "" | "stored" | "always";
  /** What a generated column is made of; null for any other. */
  expression: string | null;
}

/** A check constraint. */
export interface Check {
  expression: string;
  columns: string[];
}

/** A foreign key. */
export interface ForeignKey {
  name: string;
  columns: string[];
  target: number;
  targetColumns: string[];
}

/** A row level security policy. */
export interface Policy {
  name: string;
  command: string;
  permissive: boolean;
  roles: string[];
  using: string | null;
  check: string | null;
  /** Columns of its own table that it looks at. */
  columns: string[];
  /** Ids of the other tables that it reads. */
  reads: number[];
  /** Ids of the functions that it calls itself. */
  calls: number[];
}

/** What a role may do with a relation, columns by name. */
export interface Rights {
  select: boolean;
  selectColumns: string[];
  insertColumns: string[];
  updateColumns: string[];
  delete: boolean;
  truncate: boolean;
  references: boolean;
  trigger: boolean;
  /** Has the rights of the table's owner, who can switch row level security off. */
  owns: boolean;
  /** Has the rights of the schema's owner, who can drop the table. */
  ownsSchema: boolean;
}

/** A function or procedure that can be called. */
export interface Routine {
  id: number;
  schema: string;
  name: string;
  /** Quoted and qualified. */
  sql: string;
  /** As in pg_proc: f function, p procedure, a aggregate. */
  kind: "f" | "p" | "a";
  /** `function name(types)`, as findings call it. */
  signature: string;
  arguments: { name: string; type: string }[];
  /** Whether the last argument is a list of any length. */
  variadic: boolean;
  returns: string;
  language: string;
  source: string;
  securityDefiner: boolean;
  volatile: boolean;
  hasSearchPath: boolean;
  executableBy: string[];
}

/** A role that the login role may become. */
export interface ReachableRole {
  name: string;
  bypasses: boolean;
  temporary: boolean;
  /** Quoted names of the schemas that it may create in. */
  creatableSchemas: string[];
}

/** What the trial reads from the catalog. */
export interface Catalog {
  relations: Relation[];
  routines: Routine[];
  /** The login role itself is the first. */
  roles: ReachableRole[];
}

/** Reads the catalog as a superuser; the trial's own schema and those of extensions are left out. */
export async function readCatalog(
  client: ClientBase,
  { loginRole, platformRoles }: Contract,
): Promise<Catalog> {
  const { rows } = await client.query<{ catalog: Catalog }>({
    // Prepared, because planning it takes longest: who tries several schemas plans it once.
    name: "app_data_trial_catalog",
    text: CATALOG_SQL,
    values: [loginRole, platformRoles],
  });
  const catalog = rows[0]?.catalog;
  if (!catalog) throw new Error("The catalog query returned nothing; it must return one row.");
  return catalog;
}

/** The ids of a table and of all that is partition or child of it. */
export function leavesOf(catalog: Catalog, { id }: Relation): number[] {
  const below = catalog.relations.filter(({ parents }) => parents.includes(id));
  return [id, ...below.flatMap((relation) => leavesOf(catalog, relation))];
}

/**
 * Whether a column holds tokens: unique values that the database draws, and that nobody can guess. Keys are
 * known, since they stand in addresses.
 */
export function isSecret({ uniques, primaryKey, foreignKeys }: Relation, column: Column): boolean {
  const { name, hasDefault } = column;
  return (
    hasDefault &&
    uniques.some((key) => key.join() === name) &&
    !primaryKey.includes(name) &&
    !foreignKeys.some(({ columns }) => columns.includes(name))
  );
}
