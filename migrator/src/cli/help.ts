import { OPTIONS, type OptionName } from "./options";
import { type CommandName, EVERYWHERE, USAGE, type Usage } from "./usage";

const COMMAND_WIDTH = 26;
const OPTION_WIDTH = 22;

const DATABASE = `The database is named by a URL in the variable MIGRATOR_URL, or by --host HOST --database NAME
(--secret ARN | --iam). A password never stands on the command line.`;

const EXIT_CODES = `Exit code: 0 done; 1 refused or failed, drift found; 2 the command line was not understood;
130 interrupted by Ctrl-C (128 and the number of another signal); of tunnel, that of COMMAND.`;

/** What `migrator --help` prints. */
export function generalHelp(): string {
  const commands = Object.entries<Usage>(USAGE).map(([name, { operand, says }]) =>
    row(["migrator", name, ...(operand ? [operand] : [])].join(" "), says, COMMAND_WIDTH),
  );
  return [
    "migrator: plans, applies, verifies and rolls back SQL migrations\n",
    ...commands,
    `\nmigrator COMMAND --help lists the options of one command.\n`,
    DATABASE,
    EXIT_CODES,
    "docs/migrations/README.md says more; docs/errors.md explains each code.",
  ].join("\n");
}

/** What `migrator COMMAND --help` prints. */
export function commandHelp(name: CommandName): string {
  const { operand, says, options, more }: Usage = USAGE[name];
  return [
    `migrator ${name}${operand ? ` ${operand}` : ""} [OPTION …]`,
    `${says[0]?.toUpperCase()}${says.slice(1)}.`,
    ...(more ? [more] : []),
    "",
    ...[...options, ...EVERYWHERE].map(describeOption),
    "",
    EXIT_CODES,
  ].join("\n");
}

function describeOption(name: OptionName): string {
  const option = OPTIONS[name];
  const value = "value" in option ? ` ${option.value}` : "";
  return row(`--${name}${value}`, option.says, OPTION_WIDTH);
}

function row(left: string, right: string, width: number): string {
  return `  ${left.padEnd(width)}  ${right}`;
}
