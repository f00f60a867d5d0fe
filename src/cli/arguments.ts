import { parseArgs } from "node:util";
import { type CommandName, EVERYWHERE, OPTIONS, USAGE, type Usage, isCommand } from "./usage.js";

/** The command line was not understood. */
export class UsageError extends Error {
  public override readonly name = "UsageError";
}

/** The command line, understood. */
export interface Arguments {
  /** Undefined when none was named. */
  readonly command: CommandName | undefined;
  /** What stands after the command, "" where nothing has to. */
  readonly operand: string;
  readonly values: Values;
}

/** The options. */
export type Values = ReturnType<typeof parse>["values"];

/**
 * Reads the command line.
 * @throws UsageError that names what was not understood or is missing. What a command does not take is
 * not ignored, since whoever wrote it counts on it.
 */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parse(args);
  if (positionals.length === 0) return { command: undefined, operand: "", values };
  const words = isCommand(positionals.slice(0, 2).join(" ")) ? 2 : 1;
  const command = positionals.slice(0, words).join(" ");
  if (!isCommand(command)) {
    throw new UsageError(`There is no command "${positionals.slice(0, 2).join(" ")}".`);
  }
  const operands = positionals.slice(words);
  if (values.help !== true) refuse(command, values, operands);
  return { command, operand: operands[0] ?? "", values };
}

function refuse(command: CommandName, values: Values, operands: readonly string[]): void {
  const { operand, required = [], options = [] }: Usage = USAGE[command];
  const known: readonly string[] = [...required, ...options, ...EVERYWHERE];
  const foreign = Object.keys(values).find((name) => !known.includes(name));
  if (foreign !== undefined) throw new UsageError(`"${command}" takes no --${foreign}.`);
  const missing = required.find((name) => values[name] === undefined);
  if (missing !== undefined) throw new UsageError(`"${command}" needs --${missing}.`);
  const most = operand === undefined ? 0 : 1;
  // Not told: what stands where nothing belongs may be a secret.
  if (operands.length > most) {
    const takes = operand === undefined ? "nothing" : `one ${operand}`;
    throw new UsageError(
      `"${command}" takes ${takes} after its name. Secrets are read from standard input.`,
    );
  }
  if (operands.length < most) throw new UsageError(`"${command}" needs ${operand}.`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const unknown = /^Unknown option '(-[^'=]*)/.exec(message)?.[1];
    throw new UsageError(unknown === undefined ? message : `There is no option ${unknown}.`);
  }
}
