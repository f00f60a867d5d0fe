import { performance } from "node:perf_hooks";
import { AppDataError, codeOf } from "../errors.js";
import type { Job, JobContext, JobCounts, JobData, Logger } from "./job.js";
import { JOBS, type JobName } from "./jobs.js";

/** How a run ended. */
export interface JobResult {
  readonly job: JobName;
  /** `already running`: another run has the lock, and this one did nothing. */
  readonly status: "done" | "cut off" | "already running";
  /** Null where another run has the lock. */
  readonly counts: JobCounts | null;
  readonly durationMs: number;
}

/** How a job is run. */
export interface RunJobOptions {
  /** Where it logs: pino's loggers will do. */
  readonly logger: Logger;
  /** @default that of the job */
  readonly deadlineMs?: number;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
  /** What is run in place of the job of that name. */
  readonly work?: Job;
}

/** What the job may take beyond its deadline to end what it is at. */
const GRACE_MS = 30_000;
const TRY_LOCK = "select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked";

/**
 * Runs a job, unless it runs already: here, on another machine, or behind another pooler. The lock is
 * that of a transaction, on a connection of its own, for a pooler in transaction mode lends nothing longer;
 * so a pool has to have two connections or more.
 * @throws AppDataError CFG101 for a setting that the job needs, JOB001 when the lock was lost; whatever
 * the job throws, once it is logged.
 *
 * @example
 * const { status, counts } = await runJob(data, "expire-exports", { logger: pino() });
 */
export async function runJob(
  data: JobData,
  name: JobName,
  { logger, deadlineMs = JOBS[name].deadlineMs, signal, work = JOBS[name].run }: RunJobOptions,
): Promise<JobResult> {
  const started = performance.now();
  const end = (status: JobResult["status"], counts: JobCounts | null): JobResult => {
    const durationMs = Math.round(performance.now() - started);
    logger.info({ job: name, status, counts, durationMs }, `job ${status}`);
    return { job: name, status, counts, durationMs };
  };
  const lost = new AbortController();
  const stops = [AbortSignal.timeout(deadlineMs), lost.signal, ...(signal ? [signal] : [])];
  const context: JobContext = {
    signal: AbortSignal.any(stops),
    deadlineMs,
    logger: named(logger, name),
  };
  try {
    return await data.transactionAsService(
      async ({ client }) => {
        const { rows } = await client.query<{ locked: boolean }>(TRY_LOCK, [
          `app-data job ${name}`,
        ]);
        if (rows[0]?.locked !== true) return end("already running", null);
        // The server would end a transaction that does nothing while the job works elsewhere.
        await client.query("set local idle_in_transaction_session_timeout = 0");
        const loseLock = () => lost.abort();
        client.once("end", loseLock);
        try {
          logger.info({ job: name, deadlineMs }, "job started");
          const counts = await worked(work, data, context);
          if (lost.signal.aborted) throw lockLost(name);
          return end(context.signal.aborted ? "cut off" : "done", counts);
        } finally {
          client.off("end", loseLock);
        }
      },
      { deadlineMs: deadlineMs + GRACE_MS },
    );
  } catch (error) {
    // The text of an error that is not ours may quote rows.
    const message = error instanceof AppDataError ? error.message : undefined;
    logger.error({ job: name, code: codeOf(error), error: message }, "job failed");
    throw error;
  }
}

/** What the job counted; nothing where it threw because it was to end. */
async function worked(work: Job, data: JobData, context: JobContext): Promise<JobCounts> {
  try {
    return await work(data, context);
  } catch (error) {
    if (context.signal.aborted && error === context.signal.reason) return {};
    throw error;
  }
}

function named(logger: Logger, job: JobName): Logger {
  return {
    info: (fields, message) => logger.info({ job, ...fields }, message),
    warn: (fields, message) => logger.warn({ job, ...fields }, message),
    error: (fields, message) => logger.error({ job, ...fields }, message),
  };
}

function lockLost(name: JobName): AppDataError {
  return new AppDataError(
    "JOB001",
    `The job ${name} lost the connection that holds its lock, and was stopped so that two do not ` +
      "overlap. What it did stays done; run it again.",
  );
}
