import { constants } from "node:os";
import { AppDataError, codeOf } from "../errors.js";
import { type Arguments, UsageError, readArguments } from "./arguments.js";
import type { Answer } from "./commands.js";
import { commandHelp, generalHelp } from "./help.js";
import { receivedSignal } from "./interruption.js";

/** Runs one command. @returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const asJson = args.includes("--json");
  try {
    const understood = readArguments(args);
    const { command, values } = understood;
    if (values.help || command === undefined) {
      console.log(command === undefined ? generalHelp() : await commandHelp(command));
      return values.help ? 0 : 2;
    }
    const { text, data, exitCode = 0 } = await answer(understood);
    if (asJson) console.log(JSON.stringify(data, plain, 2));
    else if (text !== "") console.log(text);
    const signal = receivedSignal();
    const code = signal ? 128 + constants.signals[signal] : exitCode;
    // The connections of a check that was given up would keep the process.
    if (command === "doctor") process.stdout.write("", () => process.exit(code));
    return code;
  } catch (error) {
    return fail(error, asJson);
  }
}

async function answer(args: Arguments): Promise<Answer> {
  const { command } = args;
  // Help is there without the AWS SDKs, which take most of a second to load.
  if (command === undefined || command === "doctor") {
    const { examine } = await import("./doctor.js");
    return examine();
  }
  const [{ connect }, { COMMANDS }] = await Promise.all([
    import("../app-data.js"),
    import("./commands.js"),
  ]);
  const data = await connect();
  try {
    // Progress goes beside the answer, so that a machine reads the answer alone.
    return await COMMANDS[command](data, args, (line) => console.error(line));
  } finally {
    await data.close();
  }
}

function fail(error: unknown, asJson: boolean): number {
  const isUsage = error instanceof UsageError;
  const code = codeOf(error) ?? null;
  const message = messageOf(error);
  if (asJson) console.log(JSON.stringify({ error: { code, message } }, null, 2));
  else console.error(isUsage ? `${message} \`app-data --help\` shows what there is.` : message);
  const signal = receivedSignal();
  if (signal) return 128 + constants.signals[signal];
  return isUsage ? 2 : 1;
}

/** Counts of the database are bigints, which JSON has none of. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

/** Of an error that is not ours no more than its message: details of PostgreSQL quote rows. */
function messageOf(error: unknown): string {
  if (error instanceof AppDataError || error instanceof UsageError) return error.message;
  return error instanceof Error
    ? `${codeOf(error) ?? error.name}: ${error.message}`
    : String(error);
}
