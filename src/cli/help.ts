import {
  type CommandName,
  EVERYWHERE,
  OPTIONS,
  type OptionName,
  USAGE,
  type Usage,
} from "./usage.js";

const COMMAND_WIDTH = 26;
const OPTION_WIDTH = 18;

const SETTINGS = `The stack is named by APP_DATA_… variables; for the local one: eval "$(npm run --silent env)".
Secrets are read from standard input or a prompt, never from arguments.`;

const EXIT_CODES = `Exit code: 0 done, or the job runs already; 1 refused, failed or cut off; 2 the command line was
not understood; 130 interrupted by Ctrl-C (128 and the number of another signal).`;

/** What `app-data --help` prints. */
export function generalHelp(): string {
  const commands = Object.entries<Usage>(USAGE).map(([name, { operand, says }]) =>
    row(["app-data", name, ...(operand ? [operand] : [])].join(" "), says, COMMAND_WIDTH),
  );
  return [
    "app-data: API keys, exports and jobs of the stack\n",
    ...commands,
    "\napp-data COMMAND --help lists the options of one command.\n",
    SETTINGS,
    EXIT_CODES,
    "docs/client.md says more; docs/errors.md explains each code.",
  ].join("\n");
}

/** What `app-data COMMAND --help` prints. */
export async function commandHelp(name: CommandName): Promise<string> {
  const { operand, says, required = [], options = [], more }: Usage = USAGE[name];
  const needed = required.map((option) => ` ${written(option)}`).join("");
  return [
    `app-data ${name}${operand ? ` ${operand}` : ""}${needed}${options.length > 0 ? " [OPTION …]" : ""}`,
    `${says[0]?.toUpperCase()}${says.slice(1)}.`,
    ...(more ? [more] : []),
    ...(name === "job" ? ["", ...(await jobs())] : []),
    "",
    ...[...required, ...options, ...EVERYWHERE].map((option) =>
      row(written(option), OPTIONS[option].says, OPTION_WIDTH),
    ),
    "",
    EXIT_CODES,
  ].join("\n");
}

async function jobs(): Promise<string[]> {
  const { JOBS } = await import("../jobs/jobs.js");
  return Object.entries(JOBS).map(([job, { says }]) => row(job, says, OPTION_WIDTH));
}

function written(name: OptionName): string {
  const option = OPTIONS[name];
  return `--${name}${"value" in option ? ` ${option.value}` : ""}`;
}

function row(left: string, right: string, width: number): string {
  return `  ${left.padEnd(width)}  ${right}`;
}
