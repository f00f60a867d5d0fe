import { spawn } from "node:child_process";
import { constants } from "node:os";
import { reasonOf } from "../database/server-error";
import { CODES, MigratorError } from "../errors";
import { forwardPort } from "../database/transports/port-forward";
import { describeTarget } from "../database/transports/tunnel-target";
import type { ForwardSettings } from "./arguments";
import type { Answer } from "./answer";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const SIGNAL_EXIT_CODE = 128;

/**
 * Keeps a port-forward open while a command runs, whose exit code it gives, or without a command until
 * it is told to end. The command has the standard streams to itself.
 * @throws MigratorError MIG032 to MIG034, MIG085 or MIG086 when it does not open, MIG087 when the
 * command cannot be started.
 */
export async function holdTunnel(
  { server, tunnel, localPort }: ForwardSettings,
  command: readonly string[],
  report: (line: string) => void,
): Promise<Answer> {
  const { address, close } = await forwardPort(server, tunnel, localPort);
  try {
    report(
      `${address} leads to ${server.host}:${server.port} through ${describeTarget(tunnel.target)}.`,
    );
    const [program, ...args] = command;
    if (program !== undefined) {
      const exitCode = await run(program, args);
      return { text: "", data: { address, exitCode }, exitCode };
    }
    const told = toldToEnd();
    report("Open until Ctrl-C.");
    await told;
    return { text: "", data: { address } };
  } finally {
    await close();
  }
}

/** Runs a command to its end. @returns its exit code, or 128 and the number of the signal that ended it. */
function run(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" });
    // Ctrl-C reaches the command by itself; it decides what to finish first, over the open tunnel.
    const stay = () => undefined;
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    process.on("SIGINT", stay).on("SIGTERM", pass).on("SIGHUP", pass);
    const done = () => process.off("SIGINT", stay).off("SIGTERM", pass).off("SIGHUP", pass);
    child.once("error", (cause) => {
      done();
      const message =
        `Could not start ${program} (${reasonOf(cause)}). What follows -- must be a command on the ` +
        "PATH, such as: npx migrator tunnel … -- pulumi up.";
      reject(new MigratorError(CODES.commandNotStarted, message, { cause }));
    });
    child.once("exit", (code, signal) => {
      done();
      resolve(code ?? SIGNAL_EXIT_CODE + (signal ? constants.signals[signal] : 0));
    });
  });
}

function toldToEnd(): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      for (const signal of SIGNALS) process.off(signal, end);
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, end);
  });
}
