// The files of sql/ that tests read: named, so that a migration that a user adds there fails no test.
import { copyFileSync } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");

/** The migrations that most tests speak of: tables, and all that protects them. */
export const MIGRATIONS = ["000_existing_schema", "001_add_missing_tables"] as const;

/** Those that stand on {@link MIGRATIONS}; each has tests of its own. */
export const LATER_MIGRATIONS = [
  "002_backfill_user_progress",
  "003_progress_analytics",
  "004_export_lifecycle",
  "005_monitoring",
  "006_verified_identity",
  "007_vault_and_erasure",
] as const;

export type Migration = (typeof MIGRATIONS | typeof LATER_MIGRATIONS)[number];

/** One file of a trio. */
export type Step = "forward" | "verify" | "rollback";

/** The absolute path of one file of a trio. */
export function sqlFile(migration: Migration, step: Step): string {
  return path.join(PROJECT, "sql", fileName(migration, step));
}

/** Copies the trios of migrations into a folder. */
export function copyMigrations(
  directory: string,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  for (const migration of migrations) {
    for (const step of ["forward", "verify", "rollback"] as const) {
      copyFileSync(sqlFile(migration, step), path.join(directory, fileName(migration, step)));
    }
  }
}

function fileName(migration: Migration, step: Step): string {
  return `${migration}${step === "forward" ? "" : `_${step}`}.sql`;
}
