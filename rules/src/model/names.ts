import type { DatabaseFunction, ObjectKind } from "./schema";
import type { ObjectName } from "./shape";

/** Which object a finding is about. */
export interface NamedObject {
  kind: ObjectKind;
  /** Its one name, in findings, waivers, gate and trial. */
  object: string;
}

// The words that PostgreSQL's `quote_ident` puts in quotes: all that its grammar keeps for itself.
const keywords = new Set(
  (
    "all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both " +
    "case cast char character check coalesce collate collation column concurrently constraint create cross " +
    "current_catalog current_date current_role current_schema current_time current_timestamp current_user dec " +
    "decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign " +
    "freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect " +
    "interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query " +
    "json_scalar json_serialize json_table json_value lateral leading least left like limit localtime " +
    "localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on " +
    "only or order out outer overlaps overlay placing position precision primary real references returning right " +
    "row select session_user setof similar smallint some substring symmetric system_user table tablesample then " +
    "time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when " +
    "where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi " +
    "xmlroot xmlserialize xmltable"
  ).split(" "),
);

/** A name in quotes where it needs them, as PostgreSQL's `quote_ident` writes it. */
export function quoteIdentifier(name: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(name) && !keywords.has(name)) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** A qualified name as SQL needs it: `public."Order lines"`. */
export function quoteName({ schema, name }: ObjectName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Whether two names are those of one object. */
export function isSame(one: ObjectName, other: ObjectName): boolean {
  return one.schema === other.schema && one.name === other.name;
}

/** A role as GRANT and REVOKE need it. */
export function quoteRole(role: string): string {
  return role === "public" ? role : quoteIdentifier(role);
}

/** A table, with the qualified name alone. */
export function tableObject(table: ObjectName): NamedObject {
  return { kind: "table", object: quoteName(table) };
}

/** A view or materialized view, with the qualified name alone. */
export function viewObject(view: ObjectName): NamedObject {
  return { kind: "view", object: quoteName(view) };
}

/** "function public.f(a integer)". */
export function functionObject(
  item: Pick<DatabaseFunction, "schema" | "name" | "arguments">,
): NamedObject {
  return { kind: "function", object: `function ${quoteName(item)}(${item.arguments})` };
}

/** "policy own on public.notes", and the same for a trigger or a rewrite rule. */
export function partObject(
  kind: "policy" | "trigger" | "rule",
  name: string,
  relation: ObjectName,
): NamedObject {
  return { kind, object: `${kind} ${quoteIdentifier(name)} on ${quoteName(relation)}` };
}

/** "role app". */
export function roleObject(name: string): NamedObject {
  return { kind: "role", object: `role ${quoteIdentifier(name)}` };
}

/** "schema app". */
export function schemaObject(name: string): NamedObject {
  return { kind: "schema", object: `schema ${quoteIdentifier(name)}` };
}
