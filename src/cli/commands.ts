import { pino } from "pino";
import type { AppData } from "../app-data.js";
import { AppDataError, requireUuid, shown } from "../errors.js";
import { JOBS, isJob } from "../jobs/jobs.js";
import { runJob } from "../jobs/run-job.js";
import type { RunOptions, RunResult } from "../vault/run.js";
import { type Arguments, UsageError } from "./arguments.js";
import { abortAtSignal } from "./interruption.js";
import { readSecretInput } from "./secret-input.js";
import type { CommandName } from "./usage.js";

/** What a command has to say. */
export interface Answer {
  /** For people; "" when all is said. */
  readonly text: string;
  /** The same for machines. */
  readonly data: unknown;
  /** @default 0 */
  readonly exitCode?: number;
}

/** A command on the stack. */
type Command = (data: AppData, args: Arguments, report: (line: string) => void) => Promise<Answer>;

/** All commands but `doctor`, which looks at what is not connected yet. */
export const COMMANDS: Readonly<Record<Exclude<CommandName, "doctor">, Command>> = {
  async "vault put"(data, { values: { user = "", provider = "" } }) {
    const secret = await readSecretInput(`API key for ${provider}: `);
    try {
      await data.vault.put(user, provider, secret);
    } finally {
      secret.fill(0);
    }
    return { text: `Stored the API key for ${provider}.`, data: { provider, stored: true } };
  },

  async "vault get"(data, { values: { user = "", provider = "" } }) {
    const secret = await data.vault.get(user, provider);
    const text = secret.reveal();
    secret.release();
    return { text, data: { provider, secret: text } };
  },

  async "vault list"(data, { values: { user = "" } }) {
    const keys = await data.vault.list(user);
    const lines = keys.map(
      ({ provider, createdAt, disabledAt }) =>
        `${provider.padEnd(20)}  since ${createdAt}${disabledAt ? `, disabled ${disabledAt}` : ""}`,
    );
    return { text: lines.join("\n") || "The user has no API keys.", data: { keys } };
  },

  async "vault delete"(data, { values: { user = "", provider = "" } }) {
    const deleted = await data.vault.delete(user, provider);
    const text = deleted
      ? `Deleted the API key for ${provider}.`
      : `There was none for ${provider}.`;
    return { text, data: { provider, deleted } };
  },

  async "vault rotate"(data, { values }, report) {
    const dryRun = values["dry-run"] === true;
    const result = await data.vault.rotate({ dryRun, ...following(report) });
    const text = dryRun
      ? `${result.due} users have API keys under an old KMS key.`
      : `${result.rotated} of ${result.due} users' API keys are under the present KMS key now.`;
    return { text: text + failuresOf(result), data: result, exitCode: exitCodeOf(result) };
  },

  async "vault validate"(data, _args, report) {
    const result = await data.vault.validate(following(report));
    const { valid, disabled, undecided, unknown } = result;
    const text =
      `${valid} API keys are valid, ${disabled} were refused and are disabled, of ${undecided} the ` +
      `provider did not say, ${unknown} are of providers that cannot be asked.`;
    return { text: text + failuresOf(result), data: result, exitCode: exitCodeOf(result) };
  },

  async "export request"(data, { values: { user = "", type = "", format = "" } }) {
    const id = await data.exports.request(user, { type, format });
    return { text: id, data: { id } };
  },

  async "export run"(data, { operand }, report) {
    await data.exports.run(operand, { signal: abortAtSignal(report) });
    const status = await data.exports.status(await ownerOf(data, operand), operand);
    return { text: `Export ${operand} is done: ${status.rows} rows.`, data: status };
  },

  async "export status"(data, { operand }) {
    const status = await data.exports.status(await ownerOf(data, operand), operand);
    const lines = Object.entries(status).map(
      ([name, value]) => `${name.padEnd(16)}  ${value ?? "–"}`,
    );
    return { text: lines.join("\n"), data: status };
  },

  async "export download"(data, { operand }) {
    const url = await data.exports.download(await ownerOf(data, operand), operand);
    return { text: url, data: { url } };
  },

  async "export delete"(data, { operand }) {
    await data.exports.delete(await ownerOf(data, operand), operand);
    return { text: `Deleted the export ${operand}.`, data: { id: operand, deleted: true } };
  },

  async "user erase"(data, { operand }) {
    const erased = await data.users.erase(operand);
    const rows = Object.entries(erased.rows).map(([table, count]) => `${table} ${count}`);
    const text = `Erased ${operand}: ${rows.join(", ")}, files ${erased.objects}.`;
    return { text, data: erased };
  },

  async job(data, { operand }, report) {
    if (!isJob(operand)) {
      const names = Object.keys(JOBS).join(", ");
      throw new UsageError(`There is no job ${shown(operand)}; there are ${names}.`);
    }
    // Beside the answer, which is standard output's alone.
    const logger = pino({ base: null }, pino.destination({ dest: 2, sync: true }));
    const result = await runJob(data, operand, { logger, signal: abortAtSignal(report) });
    const counts = Object.entries(result.counts ?? {}).map(([name, count]) => `, ${name} ${count}`);
    return {
      text: `${operand}: ${result.status}${counts.join("")}`,
      data: result,
      exitCode: result.status === "cut off" || (result.counts?.["failed"] ?? 0) > 0 ? 1 : 0,
    };
  },
};

/** Whose export it is: an operator has the id alone. */
async function ownerOf(data: AppData, exportId: string): Promise<string> {
  const id = requireUuid(exportId, "The export's id");
  const row = await data.asService((db) =>
    db.selectFrom("export_history").select("user_id").where("id", "=", id).executeTakeFirst(),
  );
  if (row !== undefined) return row.user_id;
  throw new AppDataError("EXP013", `There is no export ${id}.`);
}

/** Progress on standard error, and an end at Ctrl-C. */
function following(report: (line: string) => void): RunOptions {
  return {
    signal: abortAtSignal(report),
    onProgress: ({ users, usersPerSecond }) =>
      report(`${users} users, ${Math.round(usersPerSecond)} a second`),
  };
}

function exitCodeOf({ isComplete, failed }: RunResult): number {
  return isComplete && failed === 0 ? 0 : 1;
}

function failuresOf({ isComplete, failed, failures }: RunResult): string {
  const lines = failures.map(({ userId, code }) => `\n  ${userId}  ${code}`);
  return (
    (isComplete ? "" : "\nIt was cut off: run it again for the rest.") +
    (failed === 0 ? "" : `\nThe API keys of ${failed} users could not be read:${lines.join("")}`)
  );
}
