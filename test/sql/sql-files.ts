import { readFileSync } from "node:fs";
import path from "node:path";
import type { ClientBase } from "pg";
import { type Statement, splitStatements } from "../../rules/src/statements";

/** The trios of this folder's tests. */
export type Migration = "000_existing_schema" | "001_add_missing_tables";

/** One file of a trio. */
export type Step = "forward" | "verify" | "rollback";

const parsed = new Map<string, readonly Statement[]>();

/** The path of one file of a trio. */
export function sqlFile(migration: Migration, step: Step): string {
  const suffix = step === "forward" ? "" : `_${step}`;
  return path.resolve(__dirname, `../../sql/${migration}${suffix}.sql`);
}

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

/** Applies and verifies both migrations. */
export async function applyAll(client: ClientBase): Promise<void> {
  for (const migration of ["000_existing_schema", "001_add_missing_tables"] as const) {
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
