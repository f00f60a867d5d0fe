// Facts about processes and ports of this machine. Node.js built-ins alone.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

const isLinux = process.platform === "linux";

/** The living processes: `[{ pid, parent, command }]`, the command line's arguments separated by blanks. */
export function listProcesses() {
  if (!isLinux) return ps("-axww", "-o", "pid=,ppid=,command=").map(processOf);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readProcess(Number(pid)))
    .filter((each) => each !== undefined);
}

/** A living process, as {@link listProcesses} gives it, or undefined when there is none of that id. */
function readProcess(pid) {
  if (!isLinux) return ps("-ww", "-o", "pid=,ppid=,command=", "-p", String(pid)).map(processOf)[0];
  const [command, stat] = [procFile(pid, "cmdline"), procFile(pid, "stat")];
  if (!command || !stat) return undefined;
  // The fields after the name, which stands in parentheses and may hold any character.
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" ? undefined : { pid, parent: Number(parent), command };
}

/** The environment that a process was started with, as one text; "" where it may not be read. */
export function environmentOf(pid) {
  if (!isLinux) return ps("-Eww", "-o", "command=", "-p", String(pid)).join("");
  return procFile(pid, "environ") ?? "";
}

function procFile(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    // It has ended meanwhile, or is somebody else's.
    return undefined;
  }
}

/** The lines that `ps` prints; none where it finds no process. */
function ps(...args) {
  try {
    return execFileSync("ps", args, {
      ...{ encoding: "utf8", maxBuffer: 2 ** 26 },
      stdio: ["ignore", "pipe", "ignore"],
    })
      .split("\n")
      .filter(Boolean);
  } catch {
    return [];
  }
}

function processOf(line) {
  const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
  return { pid: Number(pid), parent: Number(parent), command };
}

/** Whether the process lives and is the one that was started: ids are used again. */
export function isRunning(pid, partOfCommandLine) {
  return readProcess(pid)?.command.includes(partOfCommandLine) ?? false;
}

/** Ends a process and waits until it is gone; asks with `signal` first, insists after `seconds`. */
export async function endProcess(
  pid,
  partOfCommandLine,
  { signal = "SIGTERM", seconds = 20 } = {},
) {
  const signals = [signal, "SIGKILL"];
  for (const next of signals) {
    if (!isRunning(pid, partOfCommandLine)) return;
    process.kill(pid, next);
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline && isRunning(pid, partOfCommandLine)) await sleep(50);
  }
  if (isRunning(pid, partOfCommandLine)) {
    throw new Error(`Process ${pid} (${partOfCommandLine}) did not end; end it by hand.`);
  }
}

/** A free TCP port on loopback: the preferred one where it is free, else any. */
export async function freePort(preferred) {
  if (preferred && (await canListen(preferred))) return preferred;
  return await new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(address.port));
    });
  });
}

function canListen(port) {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Waits for so many milliseconds. */
export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
