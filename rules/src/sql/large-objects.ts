import { significantTokens } from "./tokens";

/** PostgreSQL's own functions on large objects. */
const functions =
  "lo_(?:from_bytea|creat|create|import|put|get|open|close|unlink|export|(?:truncate|lseek|tell)(?:64)?)|" +
  "loread|lowrite";
const mentioned = new RegExp(
  `(?:(\\w+)"? \\. )?"?\\b(?:(${functions})"? \\(|(pg_largeobject(?:_metadata)?)\\b)`,
  "gi",
);

/** The function or catalog of large objects that a text of SQL, comments left out, names first. */
export function largeObjectIn(sql: string): string | undefined {
  if (!/\blo|largeobject/i.test(sql)) return undefined;
  // Dynamic SQL stands in strings, where nothing parts a name from what follows it.
  const text = significantTokens(sql)
    .join(" ")
    .replace(/\s*([.(])/g, " $1");
  for (const [, schema, name, catalog] of text.matchAll(mentioned)) {
    if (schema === undefined || /^pg_catalog$/i.test(schema)) return name ?? catalog;
  }
  return undefined;
}
