/** An option of the command line: how it is read, and what help says of it. */
interface Option {
  type: "boolean" | "string";
  short?: string;
  multiple?: boolean;
  default?: string | boolean | string[];
  /** What stands for its value in help. */
  value?: string;
  /** What it does, without a full stop. */
  says: string;
}

/** All options, in the order in which help lists them. */
export const OPTIONS = {
  target: { type: "string", value: "NNN", says: "the newest migration to have (default: all)" },
  plan: { type: "string", value: "HASH", says: "run the plan of this hash, or nothing" },
  files: { type: "boolean", default: false, says: "without the database, from the files alone" },
  full: {
    type: "boolean",
    default: false,
    says: "every statement, also those that lock and endanger nothing",
  },
  check: { type: "boolean", default: false, says: "exit code 1 where something is to be done" },
  "report-drift": {
    type: "boolean",
    default: false,
    says: "tell drift, and repair none",
  },
  to: { type: "string", value: "NNN|none", says: "the newest migration to keep, or none" },
  all: { type: "boolean", default: false, says: "keep none: the same as --to none" },
  "allow-data-loss": {
    type: "boolean",
    default: false,
    says: "go on although rows are lost that no migration can bring back",
  },
  sql: {
    type: "boolean",
    default: false,
    says: "print the SQL of NNN as it was applied; with --json all three files",
  },
  "accept-file": {
    type: "boolean",
    default: false,
    says: "the files are right: record them in place of what was applied",
  },
  "mark-rolled-back": {
    type: "boolean",
    default: false,
    says: "the migration is not in the database any more: record that",
  },
  "accept-drift": {
    type: "boolean",
    default: false,
    says: "the catalog is right: expect it as it is from now on",
  },
  "show-values": {
    type: "boolean",
    default: false,
    says: "show what PostgreSQL says of a failure, which may quote rows",
  },
  "from-database": {
    type: "boolean",
    default: false,
    says: "write 000_baseline from what the database holds; nothing is recorded",
  },
  reason: { type: "string", value: "TEXT", says: "why; it is kept in the log" },
  "connect-role": {
    type: "string",
    multiple: true,
    default: [] as string[],
    value: "ROLE",
    says: "may connect to the database beside its owner; may be repeated",
  },
  waivers: {
    type: "string",
    value: "FILE",
    says: "what the gate lets pass (default policy/waivers.json, where it is there)",
  },
  environment: {
    type: "string",
    value: "NAME",
    says: "local, dev, staging or prod: so that waivers for it hold",
  },
  "lock-wait": {
    type: "string",
    value: "SECONDS",
    says: "how long to wait for another migrator (default 60)",
  },
  "lock-timeout": {
    type: "string",
    value: "MS",
    says: "how long a statement waits before all is tried again (default 3000)",
  },
  "url-variable": {
    type: "string",
    value: "NAME",
    says: "environment variable with the URL (default MIGRATOR_URL)",
  },
  host: { type: "string", value: "HOST", says: "the server, in place of a URL" },
  port: { type: "string", default: "5432", value: "PORT", says: "default 5432" },
  database: { type: "string", value: "NAME", says: "the database" },
  user: { type: "string", default: "migrator", value: "ROLE", says: "default migrator" },
  secret: { type: "string", value: "ARN", says: "secret of Secrets Manager with the password" },
  iam: { type: "boolean", default: false, says: "log in with a token that AWS credentials sign" },
  region: { type: "string", value: "REGION", says: "AWS region of the token or the tunnel" },
  tunnel: {
    type: "string",
    value: "INSTANCE",
    says: "through an SSM port-forward: i-…, mi-… or tag:NAME=VALUE",
  },
  "local-port": {
    type: "string",
    default: "6432",
    value: "PORT",
    says: "port of this machine to listen on (default 6432)",
  },
  "server-name": {
    type: "string",
    value: "NAME",
    says: "name that the certificate must carry (default: the host)",
  },
  "no-tls": {
    type: "boolean",
    default: false,
    says: "without encryption, on a network of your own only",
  },
  directory: {
    type: "string",
    default: "sql",
    value: "DIR",
    says: "folder of the migrations (default sql)",
  },
  json: {
    type: "boolean",
    default: false,
    says: "for machines: one JSON document on standard output",
  },
  help: { type: "boolean", short: "h", default: false, says: "this page" },
  version: { type: "boolean", default: false, says: "the migrator's version" },
} as const satisfies Record<string, Option>;

/** The name of an option, without its dashes. */
export type OptionName = keyof typeof OPTIONS;
