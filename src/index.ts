export { AppData, connect } from "./app-data.js";
export { AppDataError } from "./errors.js";
export { Exports, type ExportStatus, type RunExportOptions } from "./exports/exports.js";
export type { ExportFilters, ExportFormat, ExportRequest, ExportType } from "./exports/request.js";
export type { SweepOptions, SweepResult } from "./exports/sweep.js";
export type { Job, JobContext, JobCounts, Logger } from "./jobs/job.js";
export type { JobName } from "./jobs/jobs.js";
export { type JobResult, type RunJobOptions, runJob } from "./jobs/run-job.js";
export { type Ship, shipFigures } from "./jobs/ship-figures.js";
export { readSettings, type Settings } from "./settings.js";
export type { Queries, TablesOf } from "./session/queries.js";
export type { TransactionOptions } from "./session/transaction.js";
export * from "./types/index.js";
export { Users, type Erasure } from "./users/users.js";
export type { RotationOptions, RotationResult } from "./vault/rotation.js";
export type { RunOptions, RunProgress, RunResult } from "./vault/run.js";
export { Secret } from "./vault/secret.js";
export type { ValidationOptions, ValidationResult } from "./vault/validation.js";
export {
  HttpValidator,
  type HttpValidatorArgs,
  KNOWN_VALIDATORS,
  type KeyValidator,
  type Verdict,
  anthropicValidator,
  googleValidator,
  openAiValidator,
} from "./vault/validators.js";
export { Vault, type VaultEntry } from "./vault/vault.js";
