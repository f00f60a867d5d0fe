import { existsSync, mkdtempSync, readFileSync, readdirSync, statSync, statfsSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";

const MEMORY = "/dev/shm";
/** The servers of all workers, 40 MB each, their databases, and what they write ahead. */
const NEEDED_BYTES = 2 * 1024 ** 3;
const NAME = /^app-data-test-(\d+)-/;

/**
 * Makes the folder for the files of the tests' servers, in memory where there is room. Each test file makes
 * and drops databases of 300 files, and ext4 makes files the slower, the more were deleted just before.
 */
export function makeServersDirectory(): string {
  const parent = hasRoom() ? MEMORY : tmpdir();
  return mkdtempSync(path.join(parent, `app-data-test-${process.pid}-`));
}

/** Folders that this user's test runs have left, because they were killed. */
export function abandonedDirectories(): string[] {
  // Also where there is no room any more: it may be they that fill it.
  const parents = new Set([MEMORY, tmpdir()].filter((parent) => existsSync(parent)));
  return [...parents].flatMap((parent) =>
    readdirSync(parent)
      .filter((name) => isAbandoned(NAME.exec(name)?.[1]))
      .map((name) => path.join(parent, name))
      // Another run may be clearing it away.
      .filter((folder) => statSync(folder, { throwIfNoEntry: false })?.uid === userInfo().uid),
  );
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    const mount = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .find((line) => line.split(" ")[1] === MEMORY);
    const isExecutable = mount !== undefined && !/\bnoexec\b/.test(mount);
    return isExecutable && bavail * bsize >= NEEDED_BYTES;
  } catch {
    // Not every system has it.
    return false;
  }
}

function isAbandoned(pid: string | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
