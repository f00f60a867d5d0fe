import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  CODES,
  MigratorError,
  readTrios,
  settingsFromUrl,
  withConnection,
} from "@app-data/migrator/migrated-database";
import { generateTypes } from "./generate-types";
import { checkContent, checkStamp, stampMigrations } from "./generated-file";
import type { Generator } from "./metadata";

/**
 * What to do with the generated file: `write` it; `update` it when its stamp does not fit the
 * migrations; `check` it against the database; `check-stamp`, against the migrations alone.
 */
export type TypesAction = "write" | "update" | "check" | "check-stamp";

/** What the command works on. */
export interface TypesCommand {
  action: TypesAction;
  /** Folder of the migrations. */
  directory: string;
  /** The generated file. */
  file: string;
  /** Variable of the environment with the URL of the database, as its owner; `check-stamp` reads none. */
  urlVariable: string;
  /** Is called only when types have to be made: loading the generator takes most of a second. */
  loadGenerator(): Promise<Generator>;
}

/**
 * Writes or checks the generated types.
 * @returns what was done, in a sentence.
 * @throws MigratorError MIG050 when a check finds the file stale, MIG051 when the database does not hold
 * the migrations, MIG003 or MIG030 when there is no way to the database.
 */
export async function runTypesCommand(command: TypesCommand): Promise<string> {
  const { action, directory, file } = command;
  const trios = readTrios(directory);
  const found = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  if (action === "check-stamp" || action === "update") {
    try {
      checkStamp(file, found, await stampMigrations(trios));
      return `${file} is in step with ${directory}.`;
    } catch (error) {
      if (action === "check-stamp" || !isStale(error)) throw error;
    }
  }
  const { text, lastResorts } = await withConnection(
    settingsFromUrl(command.urlVariable),
    (client) => generateTypes(client, trios, command.loadGenerator),
  );
  if (action === "check") {
    checkContent(file, found, text);
    return `${file} is what the database gives.`;
  }
  if (found === text) return `${file} is as it was.`;
  writeFileSync(file, text);
  return [`${file} is written anew.`, ...noteOf(lastResorts)].join("\n");
}

function noteOf(lastResorts: readonly string[]): string[] {
  if (lastResorts.length === 0) return [];
  return [
    "Columns of types that `pg` does not read; a reader in src/types/parsers.ts can give them another form:",
    ...lastResorts.map((column) => `  ${column}`),
  ];
}

function isStale(error: unknown): boolean {
  return error instanceof MigratorError && error.code === CODES.staleTypes;
}
