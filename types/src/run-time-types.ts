import { types as pgTypes } from "pg";
import type { Choices } from "./choices";
import type { Metadata, TypeMetadata } from "./metadata";

const JSON_OBJECT = "JSON object";

/**
 * TypeScript types of what `src/types/parsers.ts` makes of a value, where the generator would say
 * otherwise: it describes PostgREST's JSON.
 */
const RUN_TIME_TYPES = new Map([
  ["int8", "bigint"],
  ["numeric", "string"],
  ["bytea", "Buffer"],
  // A column that a constraint holds to objects. pg would send an array as one of PostgreSQL.
  [JSON_OBJECT, "{ [key: string]: Json | undefined }"],
]);

/** The types whose values `pg` with those parsers gives as the generated types say; arrays, too. */
const AGREED = new Set(
  (
    "bool int2 int4 int8 float4 float8 numeric text varchar bpchar uuid bytea json jsonb " +
    "date time timetz timestamp timestamptz interval"
  ).split(" "),
);

/**
 * Makes the generator say what `pg` gives. It has no setting for that, but it writes an enum of a
 * schema that it does not describe as a union of its labels: a type of ours becomes such an enum with
 * one label, a mark, for which {@link writeRunTimeTypes} puts the type. The labels of a column with
 * {@link Choices} are those.
 */
export function agreeOnTypes(metadata: Metadata, choices: Choices): Metadata {
  const added: TypeMetadata[] = [];
  const add = (format: string, labels: readonly string[]) => {
    added.push(enumOf(-1 - added.length, format, labels));
    return { format, type_schema: "pg_catalog" };
  };
  const lastResorts = new Map(
    columnsOfLastResort(metadata).map(({ column, type }) => [column.id, mark(type)]),
  );
  const columns = metadata.columns.map((column) => {
    const choice = choices.get(`${column.schema}.${column.table}.${column.name}`);
    const lastResort = lastResorts.get(column.id);
    const labels = choice === "object" ? [mark(JSON_OBJECT)] : (choice ?? lastResort);
    if (labels === undefined) return { ...column, format: marked(column.format) };
    return { ...column, ...add(`column:${column.id}`, [labels].flat()) };
  });
  const types = metadata.types.map((type) => {
    // What functions take and give: `pg` reads no array of a type that is not PostgreSQL's own.
    if (isArray(type) && type.schema !== "pg_catalog") {
      const { format: name, type_schema: schema } = add(`array:${type.id}`, [mark(asText(type))]);
      return { ...type, name, schema };
    }
    if (type.schema !== "pg_catalog") return type;
    const name = marked(type.name);
    return { ...type, name, enums: RUN_TIME_TYPES.has(type.name) ? [name] : type.enums };
  });
  return { ...metadata, columns, types: [...types, ...added] };
}

/** Puts the types for the marks in what the generator wrote. */
export function writeRunTimeTypes(source: string): string {
  return source.replace(MARK, (quoted) => {
    const type = String(JSON.parse(quoted)).slice(MARK_START.length);
    return RUN_TIME_TYPES.get(type) ?? type;
  });
}

/**
 * The columns whose type `pg` does not read in a form of its own, a sentence each: `string`, as PostgreSQL
 * writes the value, or `unknown` where `pg` makes something else of it.
 */
export function describeLastResorts(metadata: Metadata): string[] {
  return columnsOfLastResort(metadata)
    .map(({ column, type }) => `${column.schema}.${column.table}.${column.name}: ${type}`)
    .sort();
}

function columnsOfLastResort(metadata: Metadata) {
  const types = new Map(metadata.types.map((type) => [`${type.schema}.${type.name}`, type]));
  return metadata.columns.flatMap((column) => {
    const { format, type_schema: schema } = column;
    const type = types.get(`${schema}.${format}`);
    const isAgreed =
      (schema === "pg_catalog" && AGREED.has(elementOf(format))) ||
      format === "citext" ||
      (type?.enums.length ?? 0) > 0;
    return isAgreed ? [] : [{ column, type: lastResort(type, format) }];
  });
}

/** Numbers of types below this are PostgreSQL's own, and the same everywhere: `pg` knows no others. */
const FIRST_OTHER_TYPE = 16_384;
const parserOf: (id: number) => (text: string) => unknown = pgTypes.getTypeParser;
/** What `pg` does with a type that it does not know: it leaves the text. */
const leaveText = parserOf(0);

function lastResort(type: TypeMetadata | undefined, format: string): string {
  const id = type?.id ?? 0;
  if (id >= FIRST_OTHER_TYPE || parserOf(id) === leaveText) return asText(type ?? { format });
  const isList = format.startsWith("_") && Array.isArray(parserOf(id)("{}"));
  return `unknown${isList ? "[]" : ""} /* ${comment(type?.format ?? format)}, as pg reads it */`;
}

function asText({ format }: Pick<TypeMetadata, "format">): string {
  return `string /* ${comment(format)}, as PostgreSQL writes it */`;
}

function comment(text: string): string {
  return text.replaceAll("*/", "* /");
}

function isArray({ format, enums, attributes, type_relation_id: relation }: TypeMetadata): boolean {
  const isBase = enums.length === 0 && attributes.length === 0 && relation === null;
  return isBase && format.endsWith("[]");
}

const MARK_START = "run time: ";
const MARK = new RegExp(`"${MARK_START}(?:[^"\\\\]|\\\\.)*"`, "g");

function mark(type: string): string {
  return MARK_START + type;
}

/** The name of a type or of an array, with its mark when it is one of ours. */
function marked(name: string): string {
  const element = elementOf(name);
  return RUN_TIME_TYPES.has(element) ? name.replace(element, mark(element)) : name;
}

function elementOf(format: string): string {
  return format.startsWith("_") ? format.slice(1) : format;
}

function enumOf(id: number, name: string, enums: readonly string[]): TypeMetadata {
  const nothing = { attributes: [], comment: null, type_relation_id: null };
  return { id, name, schema: "pg_catalog", format: name, enums: [...enums], ...nothing };
}
