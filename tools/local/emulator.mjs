// The AWS API emulator: moto's server in a Python virtual environment, on loopback, on a free port.
// Its state is in memory: an emulator that ends forgets everything.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "../cache.mjs";
import { endProcess, freePort, listProcesses, sleep } from "./processes.mjs";

const REQUIREMENTS = path.join(import.meta.dirname, "emulator-requirements.txt");
const OLDEST_PYTHON = [3, 10];
const MODULE = "moto.server";
const READY_SECONDS = 60;
const exec = promisify(execFile);

/**
 * Installs the pinned emulator into the per-user cache, unless it is there.
 * @param report is given a line when there is work to do.
 * @returns the path of the virtual environment's Python.
 */
export async function installEmulator({ report }) {
  const { name, version } = await findPython();
  const requirements = readFileSync(REQUIREMENTS);
  const key = createHash("sha256").update(requirements).update(version).digest("hex").slice(0, 16);
  const directory = path.join(cacheDirectory(), `emulator-${key}`);
  const python = path.join(directory, "bin", "python");
  // A link to nowhere when the Python that it was made with is gone.
  if (existsSync(python)) return python;
  rmSync(directory, { recursive: true, force: true });

  report("AWS emulator: installing moto into a Python virtual environment");
  const fresh = `${directory}.${process.pid}`;
  mkdirSync(cacheDirectory(), { recursive: true });
  try {
    await runPython(name, ["-m", "venv", fresh]);
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--no-compile",
      "--disable-pip-version-check",
      "--retries=1",
    ];
    const locked = ["--require-hashes", "--only-binary=:all:", "-r", REQUIREMENTS];
    await runPython(path.join(fresh, "bin", "python"), [...pip, ...locked]);
    // Another process may have been faster; its result is the same.
    if (!existsSync(directory)) renameSync(fresh, directory);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return python;
}

/**
 * Starts the emulator of `directory`, unless it runs.
 * @returns `{ pid, port, endpoint }`.
 */
export async function startEmulator({ directory, python }) {
  const running = findEmulator({ directory });
  if (running) {
    await answers(running);
    return running;
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const port = await freePort(lastPort(directory));
  const logFile = path.join(directory, "server.log");
  const log = openSync(logFile, "w", 0o600);
  const child = spawn(python, [...commandOf(directory), "-H", "127.0.0.1", "-p", String(port)], {
    cwd: directory,
    detached: true,
    stdio: ["ignore", log, log],
    // Compiling moto takes most of the time that it needs to serve its first requests: once is enough.
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "" },
  });
  closeSync(log);
  writeFileSync(path.join(directory, "port"), String(port));
  let reason;
  child.once("exit", (code) => (reason ??= `It ended with code ${code}.`));
  child.once("error", (error) => (reason ??= error.message));
  child.unref();

  const emulator = { pid: child.pid, port, endpoint: `http://127.0.0.1:${port}` };
  if (await answers(emulator, () => reason)) return emulator;
  const tail = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-5).join("\n");
  reason ??= `It did not answer for ${READY_SECONDS} s.`;
  throw new Error(`The AWS emulator did not start. ${reason} The end of ${logFile}:\n${tail}`);
}

/** The running emulator of `directory`, as {@link startEmulator} gives it, or undefined. */
export function findEmulator({ directory }) {
  const command = ` ${commandOf(directory).join(" ")} `;
  const running = listProcesses().find((each) => each.command.includes(command));
  if (!running) return undefined;
  const port = Number(/ -p (\d+)$/.exec(running.command)?.[1]);
  return { pid: running.pid, port, endpoint: `http://127.0.0.1:${port}` };
}

/** Stops the emulator of `directory`, if it runs; what it held is gone. */
export async function stopEmulator({ directory }) {
  const running = findEmulator({ directory });
  if (running) await endProcess(running.pid, MODULE);
}

/** What Python is told. The option means nothing to it: it says whose emulator the process is. */
function commandOf(directory) {
  return ["-X", `app-data=${path.resolve(directory)}`, "-m", MODULE];
}

function lastPort(directory) {
  const file = path.join(directory, "port");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined;
}

/** Waits until the emulator serves requests; false after the limit, or once it has ended. */
async function answers({ endpoint }, hasEnded = () => false) {
  const deadline = Date.now() + READY_SECONDS * 1000;
  while (Date.now() < deadline && !hasEnded()) {
    try {
      const response = await fetch(`${endpoint}/moto-api/`, {
        // A connection that is kept open would keep this process from ending.
        headers: { connection: "close" },
        signal: AbortSignal.timeout(5000),
      });
      if (response.ok) return true;
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  return false;
}

async function findPython() {
  const script = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";
  for (const name of ["python3", "python"]) {
    const { stdout } = await exec(name, ["-c", script]).catch(() => ({ stdout: "" }));
    const [major = 0, minor = 0] = stdout.trim().split(".").map(Number);
    const [oldestMajor, oldestMinor] = OLDEST_PYTHON;
    if (major === oldestMajor && minor >= oldestMinor) return { name, version: stdout.trim() };
  }
  throw new Error(
    `No Python ${OLDEST_PYTHON.join(".")} or newer with its venv module was found on PATH; ` +
      "install it (Debian and Ubuntu: apt-get install python3 python3-venv).",
  );
}

async function runPython(python, args) {
  try {
    await exec(python, args, { maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const tail = `${error.stdout ?? ""}${error.stderr ?? ""}`.trimEnd().split("\n").slice(-8);
    throw new Error(
      `${path.basename(python)} ${args.slice(0, 3).join(" ")} failed:\n${tail.join("\n")}`,
      {
        cause: error,
      },
    );
  }
}
