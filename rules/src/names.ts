/** The name of a table, as the catalog holds it: case kept, no quotes. */
export interface TableName {
  schema: string;
  name: string;
}

/** A name in the spelling that conventions on names are written in: `userId` is `user_id`. */
export function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}

/** Schema that stands for every session's temporary schema. */
export const temporarySchema = "pg_temp";

/** Schema of unqualified names where the search path cannot be read off the SQL. */
export const unknownSchema = "?";

/** Says whether it is one of PostgreSQL's own schemas, which hold no table of an application. */
export function isSystemSchema(schema: string): boolean {
  return schema.startsWith("pg_") || schema === "information_schema";
}

/** Writes a name as SQL needs it: `public."Order lines"`. */
export function quoteName({ schema, name }: TableName): string {
  return `${quote(schema)}.${quote(name)}`;
}

function quote(identifier: string): string {
  if (/^[a-z_][a-z0-9_$]*$/.test(identifier) || identifier === unknownSchema) return identifier;
  return `"${identifier.replaceAll('"', '""')}"`;
}
