export * from "./stack-files";
export { type Attestation, attest } from "./judge/attest";
export type { Credentials } from "./database/settings";
export { settingsFromUrl } from "./database/environment-url";
export { type DatabaseIdentity, databaseIdentity } from "./database/identity";
export { type ConnectionSettings, type TlsSettings } from "./database/settings";
export { TOOL_VERSION } from "./database/tool-version";
export { MigratorError, type MigratorErrorCode } from "./errors";
export {
  type AttestationInputs,
  type AttestationState,
  attestationLifecycle,
} from "./pulumi/attestation";
export { type MigrationInputs, type MigrationState, migrationLifecycle } from "./pulumi/migration";
export type { WaiversInput } from "./pulumi/resource";
export { type PlanInputs, type PlanState, planLifecycle } from "./pulumi/plan";
export { providers } from "./pulumi/providers";
export { type TokenSettingsInputs, tokenSettingsLifecycle } from "./pulumi/token-settings";
export type { LogEntry, LogEvent } from "./log/log";
export { type RunOptions, amendMigration, applyMigration } from "./run/apply";
export { applyPending } from "./run/apply-pending";
export { readHistory } from "./log/history";
export { type RollbackOptions, rollbackMigration, rollbackTo } from "./run/rollback";
export { type FileDigest, type SqlFile, type TrioDigests, inspectTrio } from "./files/trio";
