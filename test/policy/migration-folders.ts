import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { SqlFile } from "../../rules/src";
import { baseMigrations } from "./corpus-case";

/** A folder of migrations. */
export interface MigrationFolder {
  /** What it stands on: a trio is a migration after 000 and 001, a single file one after 000. */
  base: readonly string[];
  /** Forward files, in order. */
  files: SqlFile[];
}

/** The folders below a folder that hold migrations, relative to it. */
export function migrationFoldersIn(folder: string, below = ""): string[] {
  const entries = readdirSync(join(folder, below), { withFileTypes: true });
  if (entries.some(({ name }) => name.endsWith(".sql"))) return [below];
  return entries
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => migrationFoldersIn(folder, join(below, name)));
}

/** Reads a folder of migrations. */
export function readMigrationFolder(folder: string): MigrationFolder {
  const names = readdirSync(folder).sort();
  const files = names.filter((name) => /(?<!_rollback|_verify)\.sql$/.test(name));
  const isTrio = names.some((name) => name.endsWith("_rollback.sql"));
  return {
    base: baseMigrations.slice(0, isTrio ? 2 : 1),
    files: files.map((file) => ({ file, sql: readFileSync(join(folder, file), "utf8") })),
  };
}
