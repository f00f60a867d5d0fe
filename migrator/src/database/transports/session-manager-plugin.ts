import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { Socket } from "node:net";
import path from "node:path";
import { CODES, MigratorError } from "../../errors";

const PLUGIN = "session-manager-plugin";
const INSTALLATION =
  "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";

// The oldest one that takes the session's token from its environment, not from its arguments.
const OLDEST_VERSION = "1.2.497.0";
const RESPONSE_VARIABLE = "AWS_SSM_START_SESSION_RESPONSE";

// The plugin ends by SIGINT alone in order: it then ends the session at AWS, too.
const GRACE_MS = 3_000;
const WORDS_KEPT = 2_000;

/**
 * What stands between this process and the plugin, a script for a process of its own. It ends the plugin
 * when its input ends, which the operating system sees to however this process ends, `kill -9` included.
 * It passes the plugin's output on, because a plugin that writes to a closed pipe dies at once. A Ctrl-C
 * in the terminal does not reach it, so that no tunnel is cut off under a rollback.
 */
const GUARD = `
const plugin = require("node:child_process").spawn(process.argv[1], process.argv.slice(2), { stdio: ["ignore", "pipe", "pipe"] });
const say = (words) => process.stdout.write(words);
process.stdout.on("error", () => {});
plugin.stdout.on("data", say);
plugin.stderr.on("data", say);
plugin.on("error", (error) => { say(error.message + "\\n"); process.stdin.destroy(); });
plugin.on("close", (code, signal) => { say("It ended with " + (signal ?? "code " + code) + ".\\n"); process.stdin.destroy(); });
const end = () => { plugin.kill("SIGINT"); setTimeout(() => plugin.kill("SIGKILL"), ${GRACE_MS}).unref(); };
process.stdin.on("end", end).on("error", end).resume();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);
`;

/** What AWS answered to StartSession. Whoever has the token has the session. */
export interface StartedSession {
  SessionId: string;
  StreamUrl: string;
  TokenValue: string;
}

/** What AWS was asked for. */
export interface SessionRequest {
  Target: string;
  DocumentName: string;
  Parameters: Record<string, string[]>;
}

/** A running plugin. */
export interface Plugin {
  /** Is settled with the local port once the plugin listens; never when it does not. */
  listening: Promise<number>;
  /** Is settled with its last words, on one line, once it has ended. */
  ended: Promise<string>;
  /** Asks it to end, and with it the session; it is killed when it does not. This process waits for it. */
  end(): void;
  /** Lets this process end while it runs, which ends it, too. */
  unref(): void;
}

/**
 * Looks for AWS's session manager plugin on the PATH.
 * @throws MigratorError MIG032 that says where to get it.
 */
export function findPlugin(): string {
  const name = process.platform === "win32" ? `${PLUGIN}.exe` : PLUGIN;
  const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter((each) => each !== "");
  const found = folders.map((folder) => path.join(folder, name)).find(isExecutable);
  if (found !== undefined) return found;
  throw new MigratorError(
    CODES.noSessionManagerPlugin,
    `The tunnel needs AWS's ${PLUGIN}, version ${OLDEST_VERSION} or newer, and it is not on the PATH. ` +
      `Install it (${INSTALLATION}), or open a port-forward yourself and set database.tunnel.`,
  );
}

/**
 * Starts the plugin, which listens on a free port of the loopback interface that it chooses itself.
 * @param program path of the plugin.
 * @param at the region and the endpoint of Systems Manager.
 */
export function startPlugin(
  program: string,
  session: StartedSession,
  request: SessionRequest,
  at: { region: string; endpoint: string },
): Plugin {
  // The order is that of the AWS CLI. The token goes by the environment, which other users cannot see.
  const profile = process.env["AWS_PROFILE"] ?? "";
  const target = JSON.stringify(request);
  const args = [RESPONSE_VARIABLE, at.region, "StartSession", profile, target, at.endpoint];
  const guard = spawn(process.execPath, ["--eval", GUARD, "--", program, ...args], {
    detached: true,
    windowsHide: true,
    stdio: ["pipe", "pipe", "pipe"],
    // What Node.js is told for this process, an inspector's port for one, is not for the guard.
    env: { ...process.env, NODE_OPTIONS: "", [RESPONSE_VARIABLE]: JSON.stringify(session) },
  });
  // A guard that is gone before its input is closed is no error of this process.
  guard.stdin.on("error", () => undefined);

  const sockets = guard.stdio.filter((stream) => stream instanceof Socket);
  let words = "";
  let listen: (port: number) => void = () => undefined;
  const listening = new Promise<number>((resolve) => (listen = resolve));
  const read = (chunk: Buffer) => {
    words = (words + chunk.toString("utf8")).slice(-WORDS_KEPT);
    const port = /Port (\d+) opened for sessionId/.exec(words)?.[1];
    if (port !== undefined) listen(Number(port));
  };
  guard.stdout.on("data", read);
  guard.stderr.on("data", read);
  const ended = new Promise<string>((resolve) => {
    guard.once("close", () => resolve(words.trim().replace(/\s*\n\s*/g, " ")));
    guard.once("error", (error) => resolve(error.message));
  });
  return {
    listening,
    ended,
    end() {
      guard.ref();
      for (const stream of sockets) stream.ref();
      guard.stdin.end();
    },
    unref() {
      guard.unref();
      for (const stream of sockets) stream.unref();
    },
  };
}

/**
 * The error of a plugin that took the variable's name for the session itself, as old ones do; undefined
 * when its last words say something else.
 */
export function tooOld(words: string): MigratorError | undefined {
  if (!words.includes("Cannot perform start session: invalid character 'A'")) return undefined;
  return new MigratorError(
    CODES.noSessionManagerPlugin,
    `The ${PLUGIN} on the PATH is too old: it must be ${OLDEST_VERSION} or newer, which takes the ` +
      `session's token from its environment, not from its arguments. Install it anew (${INSTALLATION}).`,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
