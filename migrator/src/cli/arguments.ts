import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Waivers } from "@app-data/rules";
// Of the rules no more than this: most runs have nothing to do, and are over before these are loaded.
import { environments, readWaivers, waiverFile } from "@app-data/rules/waiver-file";
import type { ConnectionSettings } from "../database/settings";
import { reasonOf } from "../database/server-error";
import { UNCHECKED, settingsFromUrl } from "../database/environment-url";
import type { TunnelSettings } from "../database/settings";
import { canonicalVersion, isVersion } from "../files/version";
import { OPTIONS } from "./options";
import {
  type CommandName,
  EVERYWHERE,
  PARTS_OF_SERVER,
  USAGE,
  type Usage,
  isCommand,
} from "./usage";

/** The command line was not understood. */
export class UsageError extends Error {
  public override readonly name = "UsageError";
}

/** The command line, understood. */
export interface Arguments {
  /** Undefined when none was named, which help and version alone do without. */
  command: CommandName | undefined;
  /** What stands after the command. */
  operands: string[];
  values: Values;
}

/** The options, with their defaults. */
export type Values = ReturnType<typeof parse>["values"];

const HELP = "help";

/**
 * Reads the command line: `help COMMAND` as `COMMAND --help`.
 * @throws UsageError that names what was not understood: what a command does not take is not ignored,
 * since whoever wrote it counts on it.
 */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals, tokens } = parse(args);
  const asksHelp = positionals[0] === HELP;
  const [command, ...operands] = asksHelp ? positionals.slice(1) : positionals;
  if (asksHelp) values.help = true;
  if (command === undefined) return { command, operands, values };
  if (!isCommand(command)) throw new UsageError(`There is no command "${command}".`);
  const given = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  if (values.help || values.version) return { command, operands, values };
  refuseForeign(command, given, operands);
  refuseHalfServer(given);
  return { command, operands, values };
}

function refuseForeign(command: CommandName, given: readonly string[], operands: string[]): void {
  const { options, operand }: Usage = USAGE[command];
  const known: readonly string[] = [...options, ...EVERYWHERE];
  const foreign = given.find((name) => !known.includes(name));
  if (foreign !== undefined) throw new UsageError(`"${command}" takes no --${foreign}.`);
  const most =
    operand === undefined ? 0 : operand.includes("--") ? Infinity : operand.split(" ").length;
  const extra = operands[most];
  if (extra !== undefined) {
    const takes = operand === undefined ? "nothing" : most === 1 ? `one ${operand}` : operand;
    throw new UsageError(`"${command}" takes ${takes} after its name, and was given "${extra}".`);
  }
}

/** A part of an address beside a URL would not be used: the wrong database would. */
function refuseHalfServer(given: readonly string[]): void {
  if (given.includes("host")) {
    if (given.includes("url-variable")) throw bothOf("--host", "--url-variable");
    if (given.includes("secret") && given.includes("iam")) throw bothOf("--secret", "--iam");
    return;
  }
  const part = PARTS_OF_SERVER.find((name) => given.includes(name));
  if (part !== undefined) throw new UsageError(`--${part} needs --host.`);
}

/** Two options that say different things. */
export function bothOf(one: string, other: string): UsageError {
  return new UsageError(`Give either ${one} or ${other}, not both.`);
}

/**
 * How to reach the database: the parts as options, or a URL in a variable of the environment. The
 * password never stands on the command line, where every process of the machine could read it.
 * @throws UsageError when parts are missing, MigratorError MIG030 when the variable is of no use.
 */
export function readSettings(
  values: Values,
  report: (line: string) => void = console.error,
): ConnectionSettings {
  const settings = settingsOf(values);
  if (settings.tls.mode === "require") report(`The connection is ${UNCHECKED}.`);
  return settings;
}

function settingsOf(values: Values): ConnectionSettings {
  const { host, database, user, secret, iam, region, tunnel } = values;
  if (host === undefined) {
    const settings = settingsFromUrl(values["url-variable"] ?? "MIGRATOR_URL");
    return values["no-tls"] ? { ...settings, tls: { mode: "disable" } } : settings;
  }
  if (database === undefined) throw new UsageError("--host needs --database.");
  if (!iam && secret === undefined) {
    throw new UsageError("--host needs --secret ARN or --iam, the way to log in.");
  }
  if (tunnel !== undefined && region === undefined)
    throw new UsageError("--tunnel needs --region.");
  return {
    host,
    port: whole(values.port, "--port"),
    database,
    user,
    credentials: iam
      ? { kind: "iam", ...(region !== undefined && { region }) }
      : { kind: "secret", secretId: secret ?? "" },
    tls: values["no-tls"]
      ? { mode: "disable" }
      : { mode: "verify-full", serverName: values["server-name"] ?? host },
    ...(tunnel !== undefined && {
      transport: { kind: "tunnel" as const, target: tunnel, region: region ?? "" },
    }),
  };
}

/**
 * What the gate lets pass. Without an environment, a waiver for some does not hold.
 * @throws UsageError when the file or the environment does not exist, WaiverFileError CFG045 when the file
 * is of another shape.
 */
export function readWaived(values: Values): Waivers {
  const file = values.waivers ?? waiverFile;
  if (values.waivers !== undefined && !existsSync(file))
    throw new UsageError(`--waivers names ${file}, which does not exist.`);
  const environment = environments.find((each) => each === values.environment);
  if (values.environment !== undefined && environment === undefined)
    throw new UsageError(
      `--environment must be one of ${environments.join(", ")}; it is "${values.environment}".`,
    );
  return readWaivers({ file, environment });
}

/** The two ends of a port-forward. */
export interface ForwardSettings {
  server: { host: string; port: number };
  tunnel: TunnelSettings;
  localPort: number;
}

/**
 * What `tunnel` forwards: where to, through what, and from which port of this machine.
 * @throws UsageError when a part is missing.
 */
export function readForward(values: Values): ForwardSettings {
  const { host, tunnel: target, region } = values;
  if (host === undefined || target === undefined || region === undefined) {
    throw new UsageError("tunnel needs --host, --tunnel and --region.");
  }
  return {
    server: { host, port: whole(values.port, "--port") },
    tunnel: { kind: "tunnel", target, region },
    localPort: whole(values["local-port"], "--local-port"),
  };
}

/**
 * The version that an option names, as it is kept.
 * @throws UsageError when it is not 3 to 18 digits.
 */
export function readVersion(text: string, option: string): string {
  if (isVersion(text)) return canonicalVersion(text);
  throw new UsageError(`${option} must be three digits or more, such as 001; it is "${text}".`);
}

/**
 * The hash of a plan.
 * @throws UsageError when it is none: an empty variable must not pass for a plan that has changed.
 */
export function readPlanHash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new UsageError(
    `--plan must be the 64 digits that \`migrator plan\` prints; it is "${text}".`,
  );
}

/**
 * A whole number that is not negative.
 * @throws UsageError when it is none.
 */
export function whole(text: string, option: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${option} must be a whole number; it is "${text}".`);
}

function parse(args: readonly string[]) {
  const config = { options: OPTIONS, allowPositionals: true, strict: true, tokens: true } as const;
  try {
    return parseArgs({ args: [...args], ...config });
  } catch (error) {
    throw new UsageError(describeRefusal(error));
  }
}

/** What the parser of Node.js refused, in a sentence of ours where its own advice would mislead. */
function describeRefusal(error: unknown): string {
  const message = reasonOf(error);
  const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
  return unknown === undefined ? message : `There is no option ${unknown}.`;
}
