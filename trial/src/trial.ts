import type { SqlFile } from "@app-data/rules";
import type { Client, ClientBase } from "pg";
import {
  type Refusal,
  type TrialServer,
  applyAsMigrator,
  withThrowawayDatabase,
} from "./throwaway-database";
import { trialFinding } from "./judging/trial-finding";
import { type DatabaseTrialOptions, type Trial, tryDatabase } from "./try-database";

/** How a trial is made. */
export interface TrialOptions extends DatabaseTrialOptions {
  /**
   * Migrations that these ones stand on. They are applied first, where without them PostgreSQL misses
   * something that these ones name. @default none
   */
  base?: readonly SqlFile[];
  /** Called when the migrations have run, before there is anything else in the database. */
  onApplied?: (client: ClientBase) => Promise<void>;
}

/** PostgreSQL says by these that something does not exist: a table, function, schema, type, column. */
const MISSING = new Set(["42P01", "42883", "3F000", "42704", "42703"]);

/**
 * Builds the schema of migrations in a throw-away database, fills it with rows of several users, and
 * tries, as every role and identity, to get at rows that are somebody else's.
 * @param files forward files, in order.
 * @throws SqlSyntaxError for a file that PostgreSQL's parser refuses.
 */
export async function tryMigrations(
  server: TrialServer,
  files: readonly SqlFile[],
  options: TrialOptions = {},
): Promise<Trial> {
  const { base = [] } = options;
  const first = await withThrowawayDatabase(server, (client) =>
    applyAndTry(client, files, options),
  );
  if (!("refusal" in first)) return first;
  const { refusal } = first;
  if (base.length > 0 && MISSING.has(refusal.sqlState)) {
    const second = await withThrowawayDatabase(server, (client) =>
      applyAndTry(client, [...base, ...files], options),
    );
    if (!("refusal" in second)) return second;
    return nothingTried(second.refusal);
  }
  return nothingTried(refusal);
}

async function applyAndTry(client: Client, files: readonly SqlFile[], options: TrialOptions) {
  const refusal = await applyAsMigrator(client, files);
  if (refusal) return { refusal };
  await options.onApplied?.(client);
  return tryDatabase(client, files, options);
}

function nothingTried(refusal: Refusal): Trial {
  return { findings: [notApplied(refusal)], tables: 0, attempts: 0, tried: [], unexpected: [] };
}

function notApplied({ file, line, message }: Refusal) {
  return trialFinding("trial-applied", {
    object: file,
    file,
    line,
    message: `PostgreSQL refused the migration, so that nothing after it was judged: ${message}`,
  });
}
