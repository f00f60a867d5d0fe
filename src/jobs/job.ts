import type { Exports } from "../exports/exports.js";
import type { Sessions } from "../session/sessions.js";
import type { Vault } from "../vault/vault.js";

/** What a job logs to; pino's loggers are such. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a job works on: the stack, as `connect()` gives it. */
export interface JobData extends Pick<
  Sessions,
  "settings" | "asUser" | "asService" | "transactionAsService"
> {
  readonly vault: Pick<Vault, "rotate" | "validate">;
  readonly exports: Pick<Exports, "sweep">;
}

/** What a job has for one run. */
export interface JobContext {
  /** Aborted at the deadline and when the run is to end early: the job ends after what it is at. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Milliseconds for the run. */
  readonly deadlineMs: number;
}

/** What a run did, in numbers. */
export type JobCounts = Readonly<Record<string, number>>;

/**
 * A job: what was cut off is done by later runs. Throws where nothing of it can be done; what fails of
 * single rows is counted as `failed`.
 */
export type Job = (data: JobData, context: JobContext) => Promise<JobCounts>;
