import type { input } from "@pulumi/aws/types";

/** Major version; RDS chooses the minor one and moves it on by itself. */
export const POSTGRESQL_MAJOR_VERSION = "17";

const immediately: Record<string, string> = {
  // The default since PostgreSQL 15; stated, so that drift and policies see it.
  "rds.force_ssl": "1",
  "rds.accepted_password_auth_method": "scram",
  password_encryption: "scram-sha-256",
  // What the log tells about whom and when, and what was slow or waited.
  log_connections: "1",
  log_disconnections: "1",
  log_statement: "ddl",
  log_lock_waits: "1",
  log_min_duration_statement: "500",
  log_temp_files: "0",
  // Bind values are people's data: neither with slow statements nor with errors are they logged.
  log_parameter_max_length: "0",
  log_parameter_max_length_on_error: "0",
  // A transaction that was left open holds its locks and keeps vacuum from cleaning up.
  idle_in_transaction_session_timeout: "300000",
  track_io_timing: "1",
  // Calls and time of triggers, for 005_monitoring.
  track_functions: "pl",
};

const atReboot: Record<string, string> = {
  shared_preload_libraries: "pg_stat_statements",
};

/** The parameters in which the instance differs from what RDS gives PostgreSQL 17. */
export const DATABASE_PARAMETERS: input.rds.ParameterGroupParameter[] = [
  ...parameters(immediately, "immediate"),
  ...parameters(atReboot, "pending-reboot"),
];

function parameters(
  values: Record<string, string>,
  applyMethod: string,
): input.rds.ParameterGroupParameter[] {
  return Object.entries(values).map(([name, value]) => ({ name, value, applyMethod }));
}
