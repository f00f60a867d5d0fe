// What the rules say of the database that the migrations make, where the text does not show it.
import { createRequire } from "node:module";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";

const load = createRequire(import.meta.url);

/** Reads the schema of a database, as the rules judge it. @param client in no transaction. */
export async function readSchema(client) {
  const { readCatalog, schemaOf } = load(path.join(PROJECT, "migrator/dist/catalog/index.js"));
  await client.query("begin read only");
  const catalog = await readCatalog(client);
  await client.query("rollback");
  return schemaOf(catalog);
}

/**
 * Judges the schema of a database that migrations have made.
 * @param findings what the rules found in the migrations' text.
 * @returns what is refused beyond that: statements that are put together at run time are judged here.
 */
export function judgeMade(schema, findings) {
  const { judgeSchema } = load(path.join(PROJECT, "rules/dist/index.js"));
  const found = new Set(findings.map(({ code, object }) => `${code} ${object}`));
  return judgeSchema(schema, "mandatory")
    .filter(({ code, object }) => !found.has(`${code} ${object}`))
    .map(({ message, ...finding }) => ({
      ...finding,
      message: `in the database that the migrations make, ${message}`,
    }));
}
