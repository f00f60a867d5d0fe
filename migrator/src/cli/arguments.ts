import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Waivers, environments, readWaivers, waiverFile } from "@app-data/rules";
import type { ConnectionSettings } from "../connection";
import { settingsFromUrl } from "../environment-url";
import type { TunnelSettings } from "../transports/transport";
import { canonicalVersion, isVersion } from "../version";

/** The command line was not understood. */
export class UsageError extends Error {
  public override readonly name = "UsageError";
}

const OPTIONS = {
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  directory: { type: "string", default: "sql" },
  target: { type: "string" },
  to: { type: "string" },
  all: { type: "boolean", default: false },
  plan: { type: "string" },
  sql: { type: "boolean", default: false },
  full: { type: "boolean", default: false },
  files: { type: "boolean", default: false },
  "allow-data-loss": { type: "boolean", default: false },
  "accept-drift": { type: "boolean", default: false },
  "accept-file": { type: "boolean", default: false },
  "mark-rolled-back": { type: "boolean", default: false },
  reason: { type: "string" },
  "connect-role": { type: "string", multiple: true, default: [] as string[] },
  waivers: { type: "string" },
  environment: { type: "string" },
  "lock-wait": { type: "string" },
  "lock-timeout": { type: "string" },
  "url-variable": { type: "string" },
  host: { type: "string" },
  port: { type: "string", default: "5432" },
  database: { type: "string" },
  user: { type: "string", default: "migrator" },
  secret: { type: "string" },
  iam: { type: "boolean", default: false },
  region: { type: "string" },
  tunnel: { type: "string" },
  "local-port": { type: "string", default: "6432" },
  "server-name": { type: "string" },
  "no-tls": { type: "boolean", default: false },
} as const;

/** The command line, understood. */
export interface Arguments {
  command: string | undefined;
  /** What stands after the command. */
  operands: string[];
  values: Values;
}

/** The options, with their defaults. */
export type Values = ReturnType<typeof parse>["values"];

/**
 * Reads the command line.
 * @throws UsageError that names what was not understood.
 */
export function readArguments(args: readonly string[]): Arguments {
  try {
    const { values, positionals } = parse(args);
    const [command, ...operands] = positionals;
    return { command, operands, values };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * How to reach the database: the parts as options, or a URL in a variable of the environment. The
 * password never stands on the command line, where every process of the machine could read it.
 * @throws UsageError when parts are missing, MigratorError MIG030 when the variable is of no use.
 */
export function readSettings(values: Values): ConnectionSettings {
  const { host, database, user, secret, iam, region, tunnel } = values;
  if (host === undefined) return settingsFromUrl(values["url-variable"] ?? "MIGRATOR_URL");
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
 * A whole number that is not negative.
 * @throws UsageError when it is none.
 */
export function whole(text: string, option: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${option} must be a whole number; it is "${text}".`);
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}
