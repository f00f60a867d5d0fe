/** An option of the command line: how it is read, and what help says of it. */
interface Option {
  type: "boolean" | "string";
  /** What stands for its value in help. */
  value?: string;
  /** What it does, without a full stop. */
  says: string;
}

/** All options, in the order in which help lists them. */
export const OPTIONS = {
  user: { type: "string", value: "UUID", says: "whose it is" },
  provider: { type: "string", value: "NAME", says: "whose API key it is, such as openai" },
  type: { type: "string", value: "TYPE", says: "what is exported, such as full" },
  format: { type: "string", value: "FORMAT", says: "jsonl or csv" },
  "dry-run": { type: "boolean", says: "count, and change nothing" },
  yes: { type: "boolean", says: "do it: it cannot be undone" },
  json: { type: "boolean", says: "the answer for machines" },
  help: { type: "boolean", says: "this text" },
} as const satisfies Record<string, Option>;

/** Name of an option. */
export type OptionName = keyof typeof OPTIONS;

/** Understood by every command. */
export const EVERYWHERE = ["json", "help"] as const;

/** What a command takes; whatever else it is given is refused. */
export interface Usage {
  /** What it does, without a full stop. */
  says: string;
  /** What has to stand after its name, as help shows it. */
  operand?: string;
  /** Options that it needs. */
  required?: readonly OptionName[];
  /** Options that it may be given. */
  options?: readonly OptionName[];
  /** What help says besides. */
  more?: string;
}

/** All commands, in the order in which help lists them. */
export const USAGE = {
  "vault put": {
    says: "stores an API key, read from standard input or asked for",
    required: ["user", "provider"],
  },
  "vault get": {
    says: "prints an API key to standard output",
    required: ["user", "provider"],
  },
  "vault list": { says: "for which providers a user has API keys", required: ["user"] },
  "vault delete": { says: "deletes an API key", required: ["user", "provider"] },
  "vault rotate": {
    says: "encrypts under the present KMS key what is under an old one",
    options: ["dry-run"],
    more: "May be stopped and begun again; whoever is done is not encrypted again.",
  },
  "vault validate": { says: "asks providers for API keys that they refuse, and disables those" },
  "export request": {
    says: "asks for an export of a user's rows, and prints its id",
    required: ["user", "type", "format"],
  },
  "export run": { says: "makes an export that was asked for", operand: "ID" },
  "export status": { says: "how far an export is", operand: "ID" },
  "export download": { says: "prints a URL of the file, good for 15 minutes", operand: "ID" },
  "export delete": { says: "deletes an export and its file", operand: "ID" },
  "user erase": {
    says: "deletes a user with all rows, API keys and files",
    operand: "UUID",
    required: ["yes"],
  },
  job: {
    says: "runs a job; one that runs already is left alone",
    operand: "NAME",
  },
  doctor: {
    says: "whether everything can be reached, and rights are as they must be",
    more: "Puts an object under users/doctor/ into the bucket of the exports, and deletes it.",
  },
} as const satisfies Record<string, Usage>;

/** Name of a command: one word, or two. */
export type CommandName = keyof typeof USAGE;

/** Whether there is a command of this name. */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(USAGE, name);
}
