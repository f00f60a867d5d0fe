// One run at a time on what several would spoil: a clone's packages, a stack's files.
import { createHash } from "node:crypto";
import path from "node:path";
import { cacheDirectory } from "./cache.mjs";
import { withLock } from "./engine/lock.mjs";
import { report } from "./report.mjs";

/** Runs a task while no other process runs one for the same folder. The folder itself may be deleted meanwhile. */
export function withFolderLock(folder, task) {
  const key = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  const waiting = (pid) => report(`Waiting for process ${pid}, which is at work on ${folder}`);
  return withLock(path.join(cacheDirectory(), "locks", key), waiting, task);
}
