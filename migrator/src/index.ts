export * from "./files";
export { type Attestation, attest } from "./attest";
export type { Credentials } from "./credentials";
export { settingsFromUrl } from "./environment-url";
export { type DatabaseIdentity, databaseIdentity } from "./identity";
export { type ConnectionSettings, TOOL_VERSION, type TlsSettings } from "./connection";
export { MigratorError, type MigratorErrorCode } from "./errors";
export {
  type AttestationInputs,
  type AttestationState,
  attestationLifecycle,
} from "./lifecycle/attestation";
export {
  type MigrationInputs,
  type MigrationState,
  migrationLifecycle,
} from "./lifecycle/migration";
export type { WaiversInput } from "./lifecycle/resource";
export { type PlanInputs, type PlanState, planLifecycle } from "./lifecycle/plan";
export { providers } from "./lifecycle/providers";
export type { LogEntry, LogEvent } from "./log";
export { type RunOptions, amendMigration, applyMigration } from "./apply";
export { applyPending } from "./apply-pending";
export { readHistory } from "./history";
export { type RollbackOptions, rollbackMigration, rollbackTo } from "./rollback";
export { type FileDigest, type SqlFile, type TrioDigests, inspectTrio } from "./trio";
