// The files of sql/ that tests read: named, so that a migration that a user adds there fails no test.
import { copyFileSync } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");

/** The migrations that tests speak of. */
export const MIGRATIONS = ["000_existing_schema", "001_add_missing_tables"] as const;
export type Migration = (typeof MIGRATIONS)[number];

/** One file of a trio. */
export type Step = "forward" | "verify" | "rollback";

/** The absolute path of one file of a trio. */
export function sqlFile(migration: Migration, step: Step): string {
  return path.join(PROJECT, "sql", fileName(migration, step));
}

/** Copies the trios of {@link MIGRATIONS} into a folder. */
export function copyMigrations(directory: string): void {
  for (const migration of MIGRATIONS) {
    for (const step of ["forward", "verify", "rollback"] as const) {
      copyFileSync(sqlFile(migration, step), path.join(directory, fileName(migration, step)));
    }
  }
}

function fileName(migration: Migration, step: Step): string {
  return `${migration}${step === "forward" ? "" : `_${step}`}.sql`;
}
