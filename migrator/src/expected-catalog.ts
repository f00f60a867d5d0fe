import type { ClientBase } from "pg";
import type { Catalog, Fact } from "./catalog";
import { readCatalogChanges } from "./log";

/** The catalog that the migrations made: all changes in the log, one after the other. */
export async function expectedCatalog(client: ClientBase): Promise<Catalog> {
  const catalog = new Map<string, Fact>();
  for (const changes of await readCatalogChanges(client)) {
    for (const [key, fact] of Object.entries(changes)) {
      if (fact === null) catalog.delete(key);
      else catalog.set(key, fact);
    }
  }
  return catalog;
}
