import type { OptionName } from "./options";

/** What a command takes; whatever else it is given is refused, and not ignored. */
export interface Usage {
  /** What it does, without a full stop. */
  says: string;
  /** What may stand after its name, as help shows it: words, or `-- COMMAND`. */
  operand?: string;
  options: readonly OptionName[];
  /** What help says besides. */
  more?: string;
}

/** What says more of the server that `--host` names. */
export const PARTS_OF_SERVER = [
  "port",
  "database",
  "user",
  "secret",
  "iam",
  "region",
  "tunnel",
  "server-name",
] as const;
const CONNECTION = ["url-variable", "host", ...PARTS_OF_SERVER, "no-tls"] as const;
const CHANGE = [
  "waivers",
  "environment",
  "lock-wait",
  "lock-timeout",
  "show-values",
  ...CONNECTION,
] as const;

/** Understood by every command, also where nothing depends on it. */
export const EVERYWHERE = ["directory", "json", "help"] as const;

/** All commands, in the order in which help lists them. */
export const USAGE = {
  plan: {
    says: "what `up` would do: statements, locks, sizes, hazards, and a hash",
    options: ["target", "full", "files", "check", ...CONNECTION],
    more: "Writes nothing and takes no lock. Where the database cannot be reached, it says so and plans\nfrom the files.",
  },
  up: {
    says: "applies what is pending",
    options: ["target", "plan", "report-drift", "connect-role", ...CHANGE],
    more: "Each migration is committed together with its verify file, the catalog gate and its log entry.\nThe migrations before the one that fails stay applied.",
  },
  rollback: {
    says: "undoes the newest migration, or all above one",
    options: ["to", "all", "allow-data-loss", ...CHANGE],
    more: "Runs the SQL that was stored when the migration was applied: the files may be gone.",
  },
  redo: {
    says: "rolls back NNN, or the newest, with all above it, and applies the files anew",
    operand: "[NNN]",
    options: ["allow-data-loss", "connect-role", ...CHANGE],
    more: "For a migration that is still being written, on a database of your own (local, dev). What is\nrefused of the files is refused before anything is undone.",
  },
  watch: {
    says: "at each save does again what was changed, and tells what fails",
    options: ["allow-data-loss", "connect-role", ...CHANGE],
    more: "As `redo`, from the lowest migration whose files are not as they were applied. Until Ctrl-C.",
  },
  log: {
    says: "what happened: when, what, how long, who, hazards, failures with their place",
    operand: "[NNN]",
    options: CONNECTION,
  },
  verify: {
    says: "runs the verify files of what is applied; writes nothing",
    options: ["show-values", ...CONNECTION],
  },
  status: {
    says: "what is applied, half applied, pending; whose files were edited",
    operand: "[NNN]",
    options: ["sql", ...CONNECTION],
  },
  drift: {
    says: "what in the catalog is not as the migrations made it",
    options: CONNECTION,
    more: "Exit code 1 when something is.",
  },
  attest: {
    says: "what the catalog holds, with its digest",
    options: CONNECTION,
  },
  preflight: {
    says: "name, route, TLS, login and rights, step by step",
    options: CONNECTION,
    more: "Exit code 1 when a step fails.",
  },
  tunnel: {
    says: "keeps an SSM port-forward open while COMMAND runs, or until Ctrl-C",
    operand: "[-- COMMAND]",
    options: ["host", "port", "tunnel", "region", "local-port"],
    more: "Needs --host, --tunnel and --region. Exit code: that of COMMAND.",
  },
  new: {
    says: "writes an empty trio with the next number",
    operand: "NAME",
    options: [],
  },
  baseline: {
    says: "records migrations whose verify files pass as applied, without running them",
    options: ["from-database", "target", "reason", ...CHANGE],
    more: "For a database that exists already. --from-database writes its first migration into an empty folder;\nthen, or with migrations of your own, --reason TEXT records what passes.",
  },
  import: {
    says: "makes trios of the migrations of another tool",
    operand: "TOOL DIR",
    options: CONNECTION,
    more: "TOOL is flyway, supabase, sqitch or node-pg-migrate. Tries all of them on the database in a\ntransaction that is undone: name one that holds what --directory makes, and no more.",
  },
  squash: {
    says: "records that one migration took the place of FROM to TO",
    operand: "FROM..TO",
    options: ["reason", ...CHANGE],
    more: "Needs --reason, and one trio FROM_… in place of the others; of a renamed one, FROM..FROM. Tries it\nin a transaction that is undone, with the tables locked: the catalog has to stay equal.",
  },
  repair: {
    says: "corrects the log of migration NNN, or what is expected of the catalog",
    operand: "[NNN]",
    options: ["accept-file", "mark-rolled-back", "accept-drift", "reason", ...CHANGE],
    more: "Needs --reason, and one of: NNN --accept-file, NNN --mark-rolled-back, --accept-drift.\nThe database itself stays as it is.",
  },
} as const satisfies Record<string, Usage>;

/** The name of a command. */
export type CommandName = keyof typeof USAGE;

/** Whether there is a command of this name. */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(USAGE, name);
}
