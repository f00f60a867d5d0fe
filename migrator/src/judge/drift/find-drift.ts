import type { ClientBase } from "pg";
import { type CatalogReadOptions, readCatalog, withCatalog } from "../../catalog";
import type { ConnectionSettings } from "../../database/settings";
import { expectedCatalog } from "../../log/expected-catalog";
import { logExists } from "../../log/log";
import { compareCatalogs } from "./compare";
import type { Drift } from "./drift";

/**
 * What in the live catalog is not as the migrations made it, what may widen access first; empty where
 * the migrator was never at work. Writes nothing, takes no lock.
 * @throws MigratorError MIG003 when the database cannot be reached, MIG042 when a table stays locked.
 */
export function findDrift(
  settings: ConnectionSettings,
  options: CatalogReadOptions = {},
): Promise<Drift[]> {
  return withCatalog(settings, readDrift, options);
}

/** As {@link findDrift}, on an open connection, in the transaction that it is in. */
export async function readDrift(client: ClientBase): Promise<Drift[]> {
  if (!(await logExists(client))) return [];
  const expected = await expectedCatalog(client);
  return compareCatalogs(expected, await readCatalog(client, expected));
}
