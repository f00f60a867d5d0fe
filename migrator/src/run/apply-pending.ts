import type { PendingOptions } from "./apply";
import type { ConnectionSettings } from "../database/settings";
import { withConnection } from "../database/connection";
import { compareHistory, refuseAboveTarget } from "../log/history";
import { type LogEntry, readLog } from "../log/log";
import { inReadOnlyTransaction } from "../database/transaction";
import type { Trio } from "../files/trio";

/**
 * Applies all migrations that are due, in order, under one lock; without any it takes no lock.
 * @returns the entries of those that were applied now.
 * @throws as `applyMigration`, and MigratorError MIG011 or MIG012 when files and log do not belong
 * together, MIG075 when something above the target is applied, or half applied. The migrations before
 * the one that fails stay applied.
 */
export async function applyPending(
  settings: ConnectionSettings,
  trios: readonly Trio[],
  options: PendingOptions = {},
): Promise<LogEntry[]> {
  const { pending, toRollBack } = await withConnection(settings, (client) =>
    inReadOnlyTransaction(client, async () =>
      compareHistory(client, await readLog(client), trios, options.target),
    ),
  );
  refuseAboveTarget(toRollBack, options.target);
  if (pending.length === 0) return [];
  // Most runs have nothing to do, and are over before this is loaded.
  const { applyAll } = await import("./apply");
  return applyAll(settings, trios, options);
}
