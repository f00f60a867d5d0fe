import type { CatalogChanges } from "../catalog";
import { CODES, MigratorError } from "../errors";
import { isBookkeeping } from "../log/log-tables";

/**
 * Refuses a migration that changes the migrator's own tables: it writes to them after it has judged, so that
 * a trigger there would run past the gate.
 * @throws MigratorError MIG021.
 */
export function refuseOwnTables(changes: CatalogChanges, name: string): void {
  const own = Object.keys(changes).filter(isBookkeeping);
  if (own.length === 0) return;
  throw new MigratorError(
    CODES.changesOwnSchema,
    `${name} was not committed: it changes ${own.join(", ")}. The schema migrations is the migrator's own. ` +
      "Take those statements out of the file.",
  );
}
