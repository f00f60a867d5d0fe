import type { ClientBase } from "pg";
import type { Catalog, Fact } from "./objects";
import { CATALOG_QUERY, type CatalogRow } from "./sql/catalog-query";

// What these are set to decides how PostgreSQL prints names, constants and expressions; and a query that
// has a name is planned once a connection, which takes longer than reading a few objects.
const PRINT_ALIKE = `savepoint catalog_reading;
set local search_path = '';
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'postgres';
set local bytea_output = 'hex';
set local extra_float_digits = 1;
set local quote_all_identifiers = off;
set local plan_cache_mode = force_generic_plan`;

/**
 * Reads everything that the catalog holds of every schema but PostgreSQL's own, and of the roles that
 * matter to this database. Names, types and expressions are the server's own deparsed form, printed
 * under the same settings whatever the session's are, so that two readings can be compared. Has to be
 * called in a transaction, and leaves its settings as they were.
 * @param expected what the reading will be compared with: roles that it knows are read also when they
 * lost all that ties them to this database, so that they do not look as if they were gone.
 */
export async function readCatalog(client: ClientBase, expected?: Catalog): Promise<Catalog> {
  const roles = [...(expected ?? [])].flatMap(([key, { name }]) =>
    key.startsWith("role ") && typeof name === "string" ? [name] : [],
  );
  return new Map((await readRows(client, roles)).map(({ key, fact }) => [key, fact]));
}

/** As {@link readCatalog}, with the relation that each object belongs to. */
export function readRows(
  client: ClientBase,
  roles: readonly string[] = [],
): Promise<CatalogRow<Fact>[]> {
  return printedAlike(client, async () => {
    const { rows } = await client.query<CatalogRow<Fact>>(CATALOG_QUERY, [roles]);
    return rows;
  });
}

/** Runs `work` under settings that make the server print the same in every session. */
export async function printedAlike<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query(PRINT_ALIKE);
  try {
    return await work();
  } finally {
    // When the connection is gone, the error to tell is that of the work.
    await client
      .query("rollback to savepoint catalog_reading; release savepoint catalog_reading")
      .catch(() => undefined);
  }
}
