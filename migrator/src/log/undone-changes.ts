import type { ClientBase } from "pg";
import { type Catalog, type CatalogChanges, catalogChanges } from "../catalog";
import { fold } from "./expected-catalog";
import { readLogChanges } from "./log";

/**
 * Of what a migration had changed in the catalog, all that is again as it was before it, and is expected
 * to be otherwise: somebody has undone it by hand. Once it counts as rolled back, it is no drift.
 * @param after the catalog as it is once the migration is rolled back.
 */
export async function changesUndone(
  client: ClientBase,
  version: string,
  after: Catalog,
): Promise<CatalogChanges> {
  const entries = await readLogChanges(client);
  const made = entries.findLastIndex((entry) => entry.version === version && entry.isApplication);
  const keys = Object.keys(entries[made]?.changes ?? {});
  const only = (catalog: Catalog): Catalog =>
    new Map(
      keys.flatMap((key) => {
        const fact = catalog.get(key);
        return fact ? [[key, fact] as const] : [];
      }),
    );
  const before = fold(entries.slice(0, Math.max(made, 0)).map(({ changes }) => changes));
  const expected = fold(entries.map(({ changes }) => changes));
  const different = catalogChanges(only(before), only(after));
  const undone = Object.entries(catalogChanges(only(expected), only(after)));
  return Object.fromEntries(undone.filter(([key]) => !(key in different)));
}
