// Facts about processes and ports of this machine. Node.js built-ins alone.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** The command line of a living process, or undefined when there is none of that id. */
export function commandLine(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return undefined;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim() || undefined;
  } catch {
    // No /proc (macOS), or the process has just ended.
  }
  try {
    const options = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], options).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process lives and is the one that was started: ids are used again. */
export function isRunning(pid, partOfCommandLine) {
  return commandLine(pid)?.includes(partOfCommandLine) ?? false;
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
      const { port } = server.address();
      server.close(() => resolve(port));
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
