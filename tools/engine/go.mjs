// Runs the Go toolchain: quiet, ended with this process, with errors that say what to do.
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { EngineError } from "./engine-error.mjs";
import { compareVersions } from "./versions.mjs";

/** The oldest Go that compiles the modules. */
export const GO_VERSION = "1.26.3";

const LAST_LINES = 15;
const INSTALL =
  `Install Go ${GO_VERSION} or newer (https://go.dev/dl/), or the Pulumi CLI ` +
  "(https://www.pulumi.com/docs/install/), which makes Go unnecessary, and run this again.";
const UNREACHABLE =
  /dial tcp|no such host|connection re|i\/o timeout|TLS handshake|proxyconnect|module lookup disabled|unexpected EOF|: [45]\d\d /;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/**
 * Runs go and returns what it prints; what it says on standard error goes to the log.
 * @param {string[]} args
 * @param {object} options
 * @param {string} options.cwd The module's folder.
 * @param {string} options.log The file that the output is added to.
 * @param {Record<string, string>} [options.environment] Additions to the environment.
 * @returns {Promise<string>} Standard output.
 * @throws {EngineError} ENG002 without Go, ENG004 when modules cannot be downloaded, ENG006 for
 * anything else, with the last lines of the output.
 */
export async function runGo(args, { cwd, log, environment = {} }) {
  const child = spawn("go", args, {
    cwd,
    // A group of its own, so that compilers and linkers end with it.
    detached: true,
    env: { ...process.env, GOWORK: "off", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  try {
    /** @type {string[]} */
    const last = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      const text = withoutCredentials(line);
      appendFileSync(log, `${text}\n`, { mode: 0o600 });
      if (!text.startsWith("go: downloading ")) last.push(text);
      if (last.length > LAST_LINES) last.shift();
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => (output += chunk));
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject).once("close", (status, signal) => resolve(status ?? signal));
    });
    if (code === 0) return output;
    throw failure(args, String(code), output, last, log);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
    throw new EngineError(
      "ENG002",
      `Go is not on PATH, and without a Pulumi CLI the engine is built from Go modules. ${INSTALL}`,
      { cause: error },
    );
  } finally {
    running.delete(child);
  }
}

/**
 * @param {string[]} args
 * @param {string} code
 * @param {string} output
 * @param {string[]} last
 * @param {string} log
 */
function failure(args, code, output, last, log) {
  const reason = args[0] === "mod" ? moduleError(output) : "";
  const lines = [...last, ...(reason ? [withoutCredentials(reason)] : [])];
  const text = `${lines.map((line) => `  ${line}`).join("\n")}\nThe whole output is in ${log}.`;
  if (lines.some((line) => UNREACHABLE.test(line))) {
    return new EngineError(
      "ENG004",
      "the Go modules of the engine cannot be downloaded. The Go module proxy (GOPROXY) must be " +
        `reachable; what is there already is kept, so run this again when it is.\n${text}`,
    );
  }
  return new EngineError("ENG006", `\`go ${args[0]}\` ended with ${code}:\n${text}`);
}

/**
 * The error in the answer of `go mod download -json`.
 * @param {string} output
 * @returns {string}
 */
function moduleError(output) {
  try {
    return String(JSON.parse(output).Error ?? "");
  } catch {
    return "";
  }
}

/**
 * Checks that there is a Go that is new enough, or that can fetch one that is.
 * @param {string} cwd The folder of a module whose go.mod names the version.
 * @param {string} log
 * @throws {EngineError} ENG002 without Go, ENG003 when it is too old.
 */
export async function requireGo(cwd, log) {
  // Outside a module the version is that of the command itself, whatever GOTOOLCHAIN allows.
  const answer = await runGo(["env", "GOVERSION", "GOTOOLCHAIN"], {
    cwd: "/",
    log,
    environment: { GO111MODULE: "on" },
  });
  const [version = "", toolchain = ""] = answer.trim().split("\n");
  const found = /go\d\S*/.exec(version)?.[0] ?? "go0.0";
  if (compareVersions(found, GO_VERSION) >= 0) return;
  try {
    // With GOTOOLCHAIN=auto, Go's default, this fetches the version that go.mod names.
    await runGo(["version"], { cwd, log });
  } catch (cause) {
    throw new EngineError(
      "ENG003",
      `${found} is too old (GOTOOLCHAIN is ${toolchain}), and the engine needs Go ${GO_VERSION}. ` +
        INSTALL,
      { cause },
    );
  }
}

/** Ends every go process of this one, with the compilers that it started. */
export function endGo() {
  for (const child of running) {
    if (child.pid === undefined) continue;
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // It has ended by itself.
    }
  }
}

/**
 * Runs a task and ends its go processes when it fails, when this process ends, and on Ctrl-C.
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>} What the task returns.
 */
export async function endingGo(task) {
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  /** @param {NodeJS.Signals} signal */
  const onSignal = (signal) => {
    endGo();
    process.off(signal, onSignal);
    // Nobody else waits for this signal: it does what it does by default.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on("exit", endGo);
  try {
    return await task();
  } finally {
    endGo();
    for (const signal of signals) process.off(signal, onSignal);
    process.off("exit", endGo);
  }
}

/**
 * A module proxy's address may hold a password.
 * @param {string} line
 */
function withoutCredentials(line) {
  return line.replace(/\/\/[^/@\s]*@/g, "//***@");
}
