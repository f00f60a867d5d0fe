import type { Column, Relation } from "./catalog";
import type { Value } from "./candidate-values";
import type { Row } from "./row-planner";

/** A name as SQL writes it, quoted where it has to be. */
export function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name)
    ? name
    : `"${name.replaceAll('"', '""')}"`;
}

const RESERVED = new Set(
  (
    "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create " +
    "current_user default deferrable desc distinct do else end except false fetch for foreign from grant group " +
    "having in initially intersect into lateral leading limit not null offset on only or order placing primary " +
    "references returning select session_user some symmetric system_user table then to trailing true union unique " +
    "user using variadic when where window with left right full inner outer join cross natural is like ilike " +
    "similar between exists interval values row time timestamp precision position overlay"
  ).split(" "),
);

/** A text as a SQL string. */
export function quoteText(text: string): string {
  return text.includes("\\")
    ? `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;
}

/** A value as SQL writes it, cast to its column's type. */
export function literal(value: Value, { type }: Pick<Column, "type">): string {
  return value === null ? `null::${type}` : `${quoteText(value)}::${type}`;
}

/** Columns that a statement can write. */
export function writableColumns({ columns }: Relation): Column[] {
  return columns.filter(({ generated }) => generated !== "stored");
}

/** Inserts a row, into all columns or into those named. */
export function insertStatement(
  relation: Relation,
  row: Row,
  columns?: readonly string[],
  into = relation.sql,
): string {
  const written = writableColumns(relation).filter(
    ({ name }) => name in row && (columns?.includes(name) ?? true),
  );
  if (written.length === 0) return `insert into ${into} default values`;
  const names = written.map(({ name }) => quoteIdentifier(name)).join(", ");
  const values = written.map((column) => literal(row[column.name] ?? null, column)).join(", ");
  const isIdentity = written.some(({ generated }) => generated === "always");
  return `insert into ${into} (${names})${isIdentity ? " overriding system value" : ""} values (${values})`;
}
