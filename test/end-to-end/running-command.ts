import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PROJECT } from "./local-stack";

const MINUTE = 60_000;

/** A command of the README at work on the stack whose files are in `home`, as a person sees it. */
export class RunningCommand {
  /** What it has printed so far, on both streams. */
  output = "";
  /** Its exit code, once it has ended and all that it printed is there. */
  readonly code: Promise<number>;
  private readonly child: ChildProcess;

  constructor(line: string, home: string) {
    const env = { ...process.env, APP_DATA_HOME: home };
    this.child = spawn("sh", ["-c", line], {
      cwd: PROJECT,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (text) => (this.output += text));
    }
    const closed = once(this.child, "close");
    this.code = once(this.child, "exit").then(async ([code]) => {
      // What else writes there may go on: a CLI whose tool was killed.
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 2000))]);
      return (code as number | null) ?? 128;
    });
  }

  /** Waits until it prints something. @throws Error when it ends before. */
  async prints(pattern: RegExp): Promise<void> {
    let hasEnded = false;
    const end = () => (hasEnded = true);
    this.code.then(end, end);
    const deadline = Date.now() + 10 * MINUTE;
    while (!pattern.test(this.output)) {
      if (hasEnded || Date.now() > deadline) {
        throw new Error(`It has not printed ${String(pattern)}:\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Runs a command to its end. */
export async function runCommand(line: string, home: string): Promise<RunningCommand> {
  const command = new RunningCommand(line, home);
  await command.code;
  return command;
}

/** The command at the end of what was printed: the way out. */
export function adviceIn(output: string): string {
  const found = /(?:^|[:,] )((?:npm run|kill) \S.*)$/.exec(output.trimEnd());
  if (!found?.[1]) throw new Error(`It names no command at its end:\n${output}`);
  return found[1];
}
