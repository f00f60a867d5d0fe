export { type Attestation, attest } from "./attest";
export { certificateAuthorities } from "./certificate-authorities";
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
export type { LogEntry, LogEvent } from "./log";
export {
  type AppliedMigration,
  type RollbackOptions,
  type RunOptions,
  amendMigration,
  applyMigration,
  readHistory,
  refuseEdited,
  rollbackMigration,
} from "./migrator";
export {
  type FileDigest,
  type SqlFile,
  type Trio,
  type TrioDigests,
  inspectTrio,
  readTrios,
} from "./trio";
