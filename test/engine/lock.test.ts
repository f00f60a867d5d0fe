import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { withLock } from "../../tools/engine/lock.mjs";

const LOCK = path.resolve(__dirname, "..", "..", "tools", "engine", "lock.mjs");
/** Adds a line on entry and one on exit to a file, 30 ms apart, in the lock. */
const WORKER = `
import { appendFileSync } from "node:fs";
const { withLock } = await import(process.argv[1]);
const [folder, log] = process.argv.slice(2);
await withLock(folder, () => {}, async () => {
  appendFileSync(log, "in " + process.pid + "\\n");
  await new Promise((resolve) => setTimeout(resolve, 30));
  appendFileSync(log, "out " + process.pid + "\\n");
});`;
/** Holds the lock until it is killed. */
const HOLDER = `
const { withLock } = await import(process.argv[1]);
await withLock(process.argv[2], () => {}, () => new Promise((resolve) => {
  process.stdout.write("held");
  setTimeout(resolve, 60_000);
}));`;

describe("withLock", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "engine-lock-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const start = (script: string, ...args: string[]) =>
    spawn(process.execPath, ["--input-type=module", "-e", script, LOCK, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  const waitNever = (pid: number): void => {
    throw new Error(`waits for ${pid}`);
  };

  it("lets one process in at a time", async () => {
    const log = path.join(folder, "log");
    const lock = path.join(folder, "lock");
    // As after a crash: all of them find a dead holder at once.
    await withLock(lock, waitNever, async () => {});
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    writeFileSync(path.join(lock, "lock.2"), JSON.stringify({ pid: dead, started: "1" }));
    appendFileSync(log, "");
    const workers = Array.from({ length: 6 }, () => start(WORKER, lock, log));
    await Promise.all(workers.map((worker) => once(worker, "close")));

    const lines = readFileSync(log, "utf8").trim().split("\n");
    const entered = lines.filter((_, index) => index % 2 === 0);
    expect(new Set(entered)).toEqual(new Set(workers.map(({ pid }) => `in ${pid}`)));
    expect(lines).toEqual(entered.flatMap((line) => [line, line.replace("in", "out")]));
  }, 30_000);

  it("says once which process it waits for, and goes on when that one is killed", async () => {
    const holder = start(HOLDER, folder);
    await once(holder.stdout, "data");
    const waited: number[] = [];
    const done = withLock(
      folder,
      (pid) => {
        waited.push(pid);
        setTimeout(() => holder.kill("SIGKILL"), 600);
      },
      async () => "entered",
    );
    expect(await done).toBe("entered");
    expect(waited).toEqual([holder.pid]);
  }, 30_000);

  it("takes over from a process whose id another one has now", async () => {
    const content = JSON.stringify({ pid: process.pid, started: "long ago" });
    writeFileSync(path.join(folder, "lock.7"), content);
    expect(await withLock(folder, waitNever, async () => "entered")).toBe("entered");
    expect(readdirSync(folder)).toEqual(["lock.8"]);
  });

  it("is released when the task fails", async () => {
    const failing = withLock(folder, waitNever, () => Promise.reject(new Error("task")));
    await expect(failing).rejects.toThrow("task");
    expect(await withLock(folder, waitNever, async () => "entered")).toBe("entered");
  });
});
