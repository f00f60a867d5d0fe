// The rows of PostgreSQL's own catalogs: which there are, and which were written by the transaction that
// asks. Nothing but the rows tells what a transaction changed: what it wrote has an `xmin` of its own
// (that of a savepoint is later), and what it deleted is missing.

/** How the rows of one of PostgreSQL's catalogs are read. */
interface Rows {
  catalog: string;
  /** Expression for what tells a row from the others. */
  id: string;
  /**
   * Expression for the object whose fact the row is part of; null for what is always read. Of a relation the
   * row of pg_class tells whether it is another: the table of an index.
   */
  owner: string;
  /** Expression for how definitions of other objects name it; null where none does. */
  label?: string;
  where?: string;
  /** Whether a row is missing only where one of another catalog is missing or written, too. */
  follows?: true;
}

// PostgreSQL gives what it brings itself ids below.
const OURS = "r.oid >= 16384";

/** An expression for the name of an object whose fact is read again by itself. */
export function ownerName(kind: "relation" | "function" | "type", oid: string): string {
  return `'${kind} ' || ${oid}`;
}

const ofRelation = (oid: string) => ownerName("relation", oid);

/** The table of an index, the type of a composite type's columns, or the relation itself. */
const RELATION_OWNER = `case when r.relkind = 'c' then ${ownerName("type", "r.reltype")}
    when r.relkind in ('i', 'I') then
      (select ${ofRelation("i.indrelid")} from pg_index i where i.indexrelid = r.oid)
    else ${ofRelation("r.oid")} end`;

const partOf = (relation: string, catalog: string, id = "r.oid"): Rows => ({
  catalog,
  id,
  owner: ofRelation(`r.${relation}`),
});

const partOfType = (type: string, catalog: string): Rows => ({
  catalog,
  id: "r.oid",
  owner: ownerName("type", `r.${type}`),
});

const named = (catalog: string, label: string, where?: string): Rows => ({
  ...{ catalog, id: "r.oid", owner: "null", label, follows: true },
  ...(where !== undefined && { where }),
});

/** The object that a row says something of, by the columns that name it. */
function ofObject(catalog: string, oid: string): string {
  const relationOf = (part: string, relation: string) =>
    `(select ${ofRelation(`p.${relation}`)} from ${part} p where p.oid = ${oid})`;
  return `case ${catalog}
    when 'pg_class'::regclass then ${ofRelation(oid)}
    when 'pg_constraint'::regclass then ${relationOf("pg_constraint", "conrelid")}
    when 'pg_trigger'::regclass then ${relationOf("pg_trigger", "tgrelid")}
    when 'pg_policy'::regclass then ${relationOf("pg_policy", "polrelid")}
    when 'pg_proc'::regclass then ${ownerName("function", oid)}
    when 'pg_type'::regclass then ${ownerName("type", oid)} end`;
}

const CATALOGS: Rows[] = [
  // The first, by which the owners of the others are found.
  {
    catalog: "pg_class",
    id: "r.oid",
    owner: RELATION_OWNER,
    label: "r.relnamespace || '.' || r.relname",
  },
  {
    ...partOf("attrelid", "pg_attribute", "r.attrelid || '.' || r.attnum"),
    label: "case when not r.attisdropped then r.attname end",
    where: "r.attrelid >= 16384",
    follows: true,
  },
  { ...partOf("adrelid", "pg_attrdef"), follows: true },
  {
    ...partOf("indrelid", "pg_index", "r.indexrelid"),
    where: "r.indexrelid >= 16384",
    follows: true,
  },
  { ...partOf("seqrelid", "pg_sequence", "r.seqrelid"), where: "true", follows: true },
  { ...partOf("conrelid", "pg_constraint"), label: "r.conname", where: "r.conrelid <> 0" },
  { ...partOfType("contypid", "pg_constraint"), where: "r.contypid <> 0" },
  { ...partOf("tgrelid", "pg_trigger"), where: "not r.tgisinternal" },
  partOf("polrelid", "pg_policy"),
  partOf("ev_class", "pg_rewrite"),
  { ...partOf("inhrelid", "pg_inherits", "r.inhrelid || '.' || r.inhparent"), where: "true" },
  partOf("stxrelid", "pg_statistic_ext"),
  {
    catalog: "pg_proc",
    id: "r.oid",
    owner: ownerName("function", "r.oid"),
    label: "r.pronamespace || '.' || r.proname",
  },
  {
    ...partOfType("oid", "pg_type"),
    label: "r.typnamespace || '.' || r.typname",
    // Those of tables, and arrays, come and go with what they are of.
    where: `${OURS} and (r.typtype in ('d', 'e', 'm', 'r') or r.typtype = 'b' and r.typelem = 0)`,
  },
  { ...partOfType("enumtypid", "pg_enum"), label: "r.enumlabel", follows: true },
  {
    catalog: "pg_description",
    id: "r.classoid || '.' || r.objoid || '.' || r.objsubid",
    owner: ofObject("r.classoid", "r.objoid"),
    where: "r.objoid >= 16384",
  },
  // What an extension brought, or was given.
  {
    catalog: "pg_depend",
    id: "r.classid || '.' || r.objid",
    owner: ofObject("r.classid", "r.objid"),
    where: "r.refclassid = 'pg_extension'::regclass and r.deptype = 'e' and r.objid >= 16384",
  },
  // What definitions of other objects name, and is always read, or in no catalog of ours.
  named("pg_namespace", "r.nspname", "true"),
  named("pg_language", "r.lanname", "true"),
  named("pg_collation", "r.collnamespace || '.' || r.collname"),
  named("pg_operator", "r.oprnamespace || '.' || r.oprname"),
  named("pg_opclass", "r.opcnamespace || '.' || r.opcname"),
  named("pg_ts_config", "r.cfgnamespace || '.' || r.cfgname"),
];

const isWritten = "age(r.xmin) <= $1::integer";

function rowsQuery({ catalog, id, owner, label = "null", where = OURS, follows }: Rows): string {
  const written = `json_agg(json_build_array((${id})::text, ${owner}, ${label}))`;
  const from = `from ${catalog} r where (${where})`;
  return follows
    ? `select null as ids, ${written} as written ${from} and ${isWritten}`
    : `select coalesce(string_agg((${id})::text, ' '), '') as ids, ${written} filter (where ${isWritten}) as written ${from}`;
}

/** A row of {@link VERSIONS_QUERY}. */
export interface CatalogVersions {
  /** Ids of all rows of a catalog, a blank between each; null where other catalogs tell. */
  ids: string | null;
  /** Id, owner and label of the rows that were written; null where there is none. */
  written: [id: string, owner: string | null, label: string | null][] | null;
}

/** Ages in transactions: of the rows of the current one, and of all rows. */
export const AGE = { ofThisTransaction: "0", any: "2147483647" };

// Nobody may read pg_authid; what other objects show of a role is told by its label.
const ROLES = `select null, json_agg(json_build_array(r.oid::text, null,
  concat_ws(' ', r.rolname, r.rolsuper))) from pg_roles r`;

/** One row a catalog. `$1`: the age of the rows that count as written. */
export const VERSIONS_QUERY = [...CATALOGS.map(rowsQuery), ROLES].join("\nunion all\n");
