import { on } from "node:events";
import { existsSync, watch } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionSettings } from "../database/settings";
import { type Trio, readTrios } from "../files/trio";
import { appliedEntry } from "../log/log";
import { readHistory } from "../log/history";
import { type Redone, redo } from "../run/redo";
import type { RollbackOptions } from "../run/rollback";
import { remarkOn } from "./status";

/** An editor writes a file in several steps. */
const SETTLE_MS = 100;

/** What was done, for people. */
export function renderRedone({ rolledBack, applied }: Redone): string {
  const lines = [
    ...rolledBack.map((name) => `${name}  rolled back`),
    ...applied.map(({ name, durationMs }) => `${name}  applied in ${durationMs} ms`),
  ];
  return lines.join("\n") || "Nothing to do.";
}

/**
 * Does again, now and at each save, the lowest migration whose files are not as they were applied, and all
 * above it; until the signal. What fails is told, and the next save is waited for.
 * @throws when the folder is gone.
 */
export async function redoAtEachSave(
  settings: ConnectionSettings,
  directory: string,
  options: RollbackOptions & { signal: AbortSignal },
  tell: { done: (text: string) => void; failed: (error: unknown) => void },
): Promise<void> {
  const { signal } = options;
  let tried = "";
  const run = async () => {
    const trios = readTrios(directory);
    // A save is told several times.
    const saved = JSON.stringify(trios);
    if (saved === tried) return;
    tried = saved;
    const version = await lowestChanged(settings, trios);
    if (version === undefined) return;
    tell.done(renderRedone(await redo(settings, trios, { ...options, version })));
  };
  const runAndTell = () =>
    run().catch((error: unknown) => {
      if (!signal.aborted) tell.failed(error);
    });

  const watcher = watch(directory, { signal });
  const saves = on(watcher, "change", { signal });
  await runAndTell();
  try {
    while (!(await saves.next()).done) {
      await sleep(SETTLE_MS, undefined, { signal });
      // A folder that is made in its place is another, which nobody watches.
      if (!existsSync(directory))
        throw new Error(`${directory} is gone: nothing is watched any more.`);
      await runAndTell();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    watcher.close();
  }
}

/** The version of the first migration that is not applied, or was applied with other files. */
async function lowestChanged(
  settings: ConnectionSettings,
  trios: readonly Trio[],
): Promise<string | undefined> {
  const log = await readHistory(settings);
  for (const trio of trios) {
    const entry = appliedEntry(log, trio.version);
    if (!entry || (await remarkOn(trio, entry)) !== undefined) return trio.version;
  }
  return undefined;
}
