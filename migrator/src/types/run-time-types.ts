import { CODES, MigratorError } from "../errors";
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
 * @throws MigratorError MIG052 that names every column for which no type is known to be true.
 */
export function agreeOnTypes(metadata: Metadata, choices: Choices): Metadata {
  refuseUnknown(metadata);
  const added: TypeMetadata[] = [];
  const columns = metadata.columns.map((column) => {
    const choice = choices.get(`${column.schema}.${column.table}.${column.name}`);
    const labels = choice === "object" ? [mark(JSON_OBJECT)] : choice;
    if (!labels) return { ...column, format: marked(column.format) };
    const format = `choice:${column.id}`;
    added.push(enumOf(-1 - added.length, format, labels));
    return { ...column, format, type_schema: "pg_catalog" };
  });
  const types = metadata.types.map((type) => {
    if (type.schema !== "pg_catalog") return type;
    const name = marked(type.name);
    return { ...type, name, enums: RUN_TIME_TYPES.has(type.name) ? [name] : type.enums };
  });
  return { ...metadata, columns, types: [...types, ...added] };
}

/** Puts the types for the marks in what the generator wrote. */
export function writeRunTimeTypes(source: string): string {
  return [...RUN_TIME_TYPES].reduce(
    (text, [name, type]) => text.replaceAll(JSON.stringify(mark(name)), type),
    source,
  );
}

function mark(type: string): string {
  return `run time: ${type}`;
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

function refuseUnknown({ columns, types }: Metadata): void {
  const enums = new Set(
    types.filter((type) => type.enums.length > 0).map(({ schema, name }) => `${schema}.${name}`),
  );
  const unknown = columns.filter(
    ({ format, type_schema }) =>
      !(type_schema === "pg_catalog" && AGREED.has(elementOf(format))) &&
      !enums.has(`${type_schema}.${format}`) &&
      format !== "citext",
  );
  if (unknown.length === 0) return;
  const list = unknown
    .map(({ schema, table, name, format }) => `${schema}.${table}.${name} (${format})`)
    .sort();
  throw new MigratorError(
    CODES.unknownType,
    `What pg makes of these columns' values is not settled: ${list.join(", ")}. Use another type, ` +
      "or settle it: a reader in src/types/parsers.ts, the type in migrator/src/types/run-time-types.ts, " +
      "and a case in test/types/run-time.test.ts.",
  );
}
