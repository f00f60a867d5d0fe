import type { RunResult } from "../vault/run.js";
import type { Job, JobContext } from "./job.js";

/** Encrypts API keys anew that are under an old KMS key. */
export const rotateKeysJob: Job = async (data, context) => {
  const { due, rotated, ...run } = await data.vault.rotate(optionsOf(context));
  logFailures(run, context);
  return { due, rotated, users: run.users, failed: run.failed };
};

/** Asks providers whether they still take their users' API keys, and disables those that they refuse. */
export const validateKeysJob: Job = async (data, context) => {
  const { valid, disabled, undecided, unknown, ...run } = await data.vault.validate(
    optionsOf(context),
  );
  logFailures(run, context);
  return { valid, disabled, undecided, unknown, users: run.users, failed: run.failed };
};

function optionsOf({ signal, deadlineMs, logger }: JobContext) {
  return {
    signal,
    deadlineMs,
    onProgress: ({ users, seconds }: { users: number; seconds: number }) =>
      logger.info({ users, seconds: Math.round(seconds) }, "progress"),
  };
}

function logFailures(
  { failures, failed }: Pick<RunResult, "failures" | "failed">,
  context: JobContext,
) {
  if (failed > 0) context.logger.warn({ failures, failed }, "keys of some users could not be read");
}
