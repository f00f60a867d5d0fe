import { constants } from "node:os";
import { TOOL_VERSION } from "../database/tool-version";
import { UsageError, readArguments } from "./arguments";
import { receivedSignal } from "./interruption";
import type { Answer } from "./answer";
import { describeError } from "./describe-error";
import { COMMANDS } from "./commands";
import { commandHelp, generalHelp } from "./help";

/** Runs one command. @returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  // What follows `--` is another command's.
  const end = args.indexOf("--");
  const own = args.slice(0, end === -1 ? undefined : end);
  const asJson = own.includes("--json");
  try {
    const understood = readArguments(args);
    const { command, values } = understood;
    if (values.version) return say({ text: TOOL_VERSION, data: { version: TOOL_VERSION } }, asJson);
    if (values.help || command === undefined) {
      console.log(command === undefined ? generalHelp() : commandHelp(command));
      return values.help ? 0 : 2;
    }
    // Progress goes beside the answer, so that a machine reads the answer alone.
    return say(await COMMANDS[command](understood, (line) => console.error(line)), asJson);
  } catch (error) {
    return fail(error, asJson, own.includes("--show-values"));
  }
}

function say({ text, data, exitCode = 0 }: Answer, asJson: boolean): number {
  if (asJson) console.log(JSON.stringify(data, null, 2));
  else if (text !== "") console.log(text);
  return exitCode;
}

function fail(error: unknown, asJson: boolean, showsValues: boolean): number {
  const usage = error instanceof UsageError;
  const message = describeError(error, showsValues);
  const code = /^([A-Z]{3}\d{3}) /.exec(message)?.[1];
  if (asJson) console.log(JSON.stringify({ error: { code: code ?? null, message } }, null, 2));
  else console.error(usage ? `${message} \`migrator --help\` shows what there is.` : message);
  const signal = receivedSignal();
  if (signal) return 128 + constants.signals[signal];
  return usage ? 2 : 1;
}
