import path from "node:path";
import { callTool } from "../support/tools";

/** A process of a stack on this machine. */
interface Process {
  readonly pid: number;
  readonly command: string;
}

/** The parts of a run that can end by themselves. */
export const PARTS = ["pulumi", "emulator", "postgres", "plugin", "tool"] as const;
export type Part = (typeof PARTS)[number];

/** The living processes that are such a part of the stack whose files are in `home`. */
export function processesOf(home: string, part: Part): number[] {
  if (part === "emulator" || part === "postgres") {
    const server = part === "emulator" ? "findEmulator" : "findPostgres";
    const directory = path.join(home, part);
    const found = callTool<Process | null>(`local/${part}.mjs`, server, { directory });
    return found ? [found.pid] : [];
  }
  if (part === "tool") {
    const all = callTool<Process[]>("local/processes.mjs", "listProcesses", {});
    return all.filter(({ pid, command }) => isTool(home, pid, command)).map(({ pid }) => pid);
  }
  const sign = part === "pulumi" ? /^\S*\/pulumi / : /pulumi-resource-aws/;
  return pulumiProcesses(home)
    .filter(({ command }) => sign.test(command))
    .map(({ pid }) => pid);
}

/** What Pulumi has at work on the stack: the CLI, its plugins, the program, the pack. */
export function pulumiProcesses(home: string): Process[] {
  return callTool<Process[]>("local/pulumi.mjs", "findPulumiProcesses", {
    state: path.join(home, "state"),
  });
}

function isTool(home: string, pid: number, command: string): boolean {
  if (!/^\S*node \S*main\.mjs up/.test(command)) return false;
  const environment = callTool<string>("local/processes.mjs", "environmentOf", pid);
  return ` ${environment} `.includes(` APP_DATA_HOME=${home} `);
}
