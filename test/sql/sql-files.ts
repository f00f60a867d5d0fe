import { readFileSync } from "node:fs";
import type { ClientBase } from "pg";
import { type Statement, splitStatements } from "../../rules/src/sql/statements";
import {
  LATER_MIGRATIONS,
  MIGRATIONS,
  type Migration,
  type Step,
  sqlFile,
} from "../support/project-migrations";

export { type Migration, type Step, sqlFile };

const parsed = new Map<string, readonly Statement[]>();

/** Runs a file as the migrator does: statement by statement, in one transaction. */
export async function run(client: ClientBase, migration: Migration, step: Step): Promise<void> {
  await client.query("begin");
  try {
    await runStatements(client, migration, step);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

/** Runs a file statement by statement in the transaction that the caller has begun. */
export async function runStatements(
  client: ClientBase,
  migration: Migration,
  step: Step,
): Promise<void> {
  const file = sqlFile(migration, step);
  const statements = parsed.get(file) ?? (await splitStatements(readFileSync(file, "utf8"), file));
  parsed.set(file, statements);
  for (const { text } of statements) await client.query(text);
}

/** Applies and verifies {@link MIGRATIONS}. */
export async function applyAll(client: ClientBase): Promise<void> {
  for (const migration of MIGRATIONS) {
    await run(client, migration, "forward");
    await run(client, migration, "verify");
  }
}

/** The migrations up to one, and that one. */
export function migrationsThrough(last: Migration): Migration[] {
  const all = [...MIGRATIONS, ...LATER_MIGRATIONS];
  return all.slice(0, all.indexOf(last) + 1);
}

/** Applies and verifies the migrations up to one, and that one. */
export async function applyThrough(client: ClientBase, last: Migration): Promise<void> {
  for (const migration of migrationsThrough(last)) {
    await run(client, migration, "forward");
    await run(client, migration, "verify");
  }
}

/** What a refusal says; fails when there is none. */
export async function rejection(work: Promise<unknown>): Promise<{
  message: string;
  hint?: string;
  code?: string;
}> {
  try {
    await work;
  } catch (error) {
    return error as { message: string; hint?: string; code?: string };
  }
  throw new Error("It was not refused.");
}
