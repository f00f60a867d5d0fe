// A lock between processes that no crash can leave behind.
//
// It is a row of files lock.1, lock.2, …: the highest one says who holds the lock. Nobody removes
// the highest, so that a new holder is always one that added a higher one; adding is a hard link,
// which exactly one process can make. A lock that is taken over by removing a dead holder's file
// could be lost: two waiters see the same dead holder, and the slower removes the faster's file.
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const POLL_MILLISECONDS = 250;

/**
 * Runs a task while no other process runs one for the same folder.
 * @template T
 * @param {string} folder Where the lock's files are; it is made when missing.
 * @param {(pid: number) => void} onWait Called once for each process that has to be waited for.
 * @param {() => Promise<T>} task
 * @returns {Promise<T>} What the task returns.
 */
export async function withLock(folder, onWait, task) {
  mkdirSync(folder, { recursive: true });
  const file = await acquire(folder, onWait);
  try {
    return await task();
  } finally {
    // Emptied, not removed: it stays the highest one.
    writeFileSync(file, "{}");
  }
}

/**
 * @param {string} folder
 * @param {(pid: number) => void} onWait
 */
async function acquire(folder, onWait) {
  const own = path.join(folder, `.${randomUUID()}`);
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startTime(process.pid) }));
  /** @type {number | undefined} */
  let waitingFor;
  try {
    for (;;) {
      const highest = numbers(folder).at(-1) ?? 0;
      const holder = highest > 0 ? readHolder(path.join(folder, `lock.${highest}`)) : undefined;
      if (holder === undefined) {
        const file = path.join(folder, `lock.${highest + 1}`);
        if (link(own, file)) {
          const all = numbers(folder);
          if (all.at(-1) === highest + 1) {
            for (const lower of all.slice(0, -1)) {
              rmSync(path.join(folder, `lock.${lower}`), { force: true });
            }
            return file;
          }
          // The row went on while this process looked at an old part of it.
          rmSync(file, { force: true });
        }
        continue;
      }
      if (holder !== waitingFor) onWait(holder);
      waitingFor = holder;
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** @param {string} folder */
function numbers(folder) {
  return readdirSync(folder)
    .map((name) => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
}

/**
 * @param {string} from
 * @param {string} to
 */
function link(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * The id of the living process that holds a lock, if any.
 * @param {string} file
 */
function readHolder(file) {
  /** @type {{ pid?: number, started?: string }} */
  let content;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // Just released and cleared away, or cut short when the machine went down: nobody's.
    return undefined;
  }
  const { pid, started } = content;
  return pid !== undefined && startTime(pid) === started ? pid : undefined;
}

/**
 * When a process started, in the words of the system, or undefined when there is none: process
 * ids are used again, start times together with ids are not.
 * @param {number} pid
 */
function startTime(pid) {
  try {
    // The 22nd field; the 2nd is the command in parentheses and may itself hold any character.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    if (process.platform === "linux") return undefined;
  }
  try {
    const output = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return output.trim() || undefined;
  } catch {
    return undefined;
  }
}
