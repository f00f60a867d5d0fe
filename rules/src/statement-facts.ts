import type { CreateStmt, ExplainStmt } from "libpg-query";
import type { TableKind } from "./schema";

/** Extensions that come with PostgreSQL and make no table. */
const extensionsWithoutTables: readonly string[] = [
  "btree_gin",
  "btree_gist",
  "citext",
  "fuzzystrmatch",
  "hstore",
  "intarray",
  "ltree",
  "pg_stat_statements",
  "pg_trgm",
  "pgcrypto",
  "plpgsql",
  "tablefunc",
  "unaccent",
  "uuid-ossp",
];

/** Says whether it is known that an extension makes no table. */
export function makesNoTable(extension: string): boolean {
  return extensionsWithoutTables.includes(extension);
}

/** What kind of table a `create table` makes. */
export function kindOf({ inhRelations = [], partbound, partspec }: CreateStmt): TableKind {
  if (partspec) return "partitioned table";
  if (partbound) return "partition";
  return inhRelations.length > 0 ? "inheritance child" : "table";
}

/** `explain analyze` runs the statement that it explains. */
export function explainRuns({ options = [] }: ExplainStmt): boolean {
  return options.some((option) => {
    if (!("DefElem" in option) || option.DefElem.defname !== "analyze") return false;
    const { arg } = option.DefElem;
    if (arg && "Integer" in arg) return arg.Integer.ival !== undefined && arg.Integer.ival !== 0;
    return !(arg && "String" in arg && /^(false|off|0)$/i.test(arg.String.sval ?? ""));
  });
}

/** Says whether `alter … rename` or `set schema` of this type reaches tables; indexes' does too. */
export function reachesTables(type: string | undefined): boolean {
  return type === "OBJECT_TABLE" || type === "OBJECT_FOREIGN_TABLE" || type === "OBJECT_INDEX";
}
