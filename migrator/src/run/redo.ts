import { type RunOptions, amendMigration } from "./apply";
import { applyPending } from "./apply-pending";
import { type RollbackOptions, reportStaying, rollbackTo } from "./rollback";
import { withConnection } from "../database/connection";
import type { ConnectionSettings } from "../database/settings";
import { demandServerReads } from "../database/server-syntax";
import { inReadOnlyTransaction } from "../database/transaction";
import { type Trio, inspectTrio } from "../files/trio";
import { compareVersions, isAbove, versionBefore } from "../files/version";
import { compareHistory, isPresent } from "../log/history";
import { type LogEntry, appliedEntry, readLog } from "../log/log";

/** What was undone and done again. */
export interface Redone {
  /** Names, newest first. */
  rolledBack: string[];
  /** Oldest first. */
  applied: LogEntry[];
}

/**
 * Rolls a migration back with all above it, and applies the files as they are now: for one that is still
 * being written, on a database of its author's own. What is refused of the files is refused before
 * anything is undone.
 * @param version of the lowest one to do again. @default the newest file's
 * @throws as `compareHistory`, of what stays; as `rollbackTo` and `applyPending`. What was rolled back by then
 * stays so, and the next call applies it.
 */
export async function redo(
  settings: ConnectionSettings,
  trios: readonly Trio[],
  { version, ...options }: RunOptions & RollbackOptions & { version?: string | undefined } = {},
): Promise<Redone> {
  const newest = trios.at(-1);
  const lowest = version ?? newest?.version;
  if (lowest === undefined || !newest) return { rolledBack: [], applied: [] };
  const again = trios.filter((trio) => compareVersions(trio.version, lowest) >= 0);
  for (const trio of again) await inspectTrio(trio);

  const isUndone = (entry: LogEntry) =>
    compareVersions(entry.version, lowest) >= 0 && !isAbove(entry.version, newest.version);
  const log = await withConnection(settings, (client) =>
    inReadOnlyTransaction(client, async () => {
      const all = await readLog(client);
      await compareHistory(
        client,
        all.filter((entry) => !isUndone(entry)),
        trios,
      );
      await demandServerReads(client, again);
      return all;
    }),
  );
  for (const trio of again) await recordNewRollback(settings, trio, log, options);
  const isThere = log.some((entry) => isUndone(entry) && isPresent(entry));
  const below = versionBefore(lowest);
  const rolledBack = isThere
    ? await rollbackTo(settings, below === "none" ? undefined : below, options)
    : [];
  try {
    return { rolledBack, applied: await applyPending(settings, trios, options) };
  } catch (error) {
    reportStaying(rolledBack, options.report);
    throw error;
  }
}

/** A rollback runs what the log holds: one that was corrected has to be there first. */
async function recordNewRollback(
  settings: ConnectionSettings,
  trio: Trio,
  log: readonly LogEntry[],
  options: RunOptions,
): Promise<void> {
  const known = appliedEntry(log, trio.version);
  if (!known || known.name !== trio.name) return;
  const { forward, rollback } = await inspectTrio(trio);
  const isCorrected =
    forward.content === known.digests.forward.content &&
    rollback.content !== known.digests.rollback.content;
  if (isCorrected) await amendMigration(settings, trio, options);
}
