import { splitStatements, type Statement } from "@app-data/rules";
import type { Client, ClientBase } from "pg";
import type { BatchCheckpoint } from "../../migrator/src/sql/batch/checkpoint";
import { type BatchDirective, readBatch } from "../../migrator/src/sql/batch/directive";
import { type BatchOptions, type BatchOutcome, runBatches } from "../../migrator/src/run/batch";
import type { SqlFile } from "../../migrator/src/files/trio";

/** A statement that runs in batches, as the migrator finds it in a file. */
export interface BatchedStatement {
  file: SqlFile;
  statement: Statement;
  directive: BatchDirective;
}

/** The statements of a file, each with its directive where it has one. */
export async function readStatements(
  sql: string,
  name = "sql/002_test.sql",
): Promise<{ file: SqlFile; statement: Statement; directive: BatchDirective | undefined }[]> {
  const file = { file: name, sql };
  const statements = await splitStatements(sql, name);
  return statements.map((statement) => ({
    file,
    statement,
    directive: readBatch(statement, file),
  }));
}

/** The one statement of a file, which runs in batches. */
export async function batched(sql: string): Promise<BatchedStatement> {
  const [only, ...others] = await readStatements(sql);
  if (!only?.directive || others.length > 0) throw new Error("One batched statement is needed.");
  return { ...only, directive: only.directive };
}

/** Runs the one statement of a file in batches; checkpoints go to a table of the test's own. */
export async function runFile(
  client: Client,
  sql: string,
  options: Partial<BatchOptions> = {},
): Promise<BatchOutcome> {
  const { file, statement, directive } = await batched(sql);
  return runBatches(client, directive, statement, { file, saveCheckpoint, ...options });
}

/** Makes the table of checkpoints. */
export async function createCheckpoints(client: ClientBase): Promise<void> {
  await client.query("create table public.checkpoints (id int primary key, checkpoint jsonb)");
}

/** Keeps a checkpoint, in the transaction that the connection is in. */
export async function saveCheckpoint(
  client: ClientBase,
  checkpoint: BatchCheckpoint,
): Promise<void> {
  await client.query(
    "insert into public.checkpoints values (1, $1) on conflict (id) do update set checkpoint = $1",
    [JSON.stringify(checkpoint)],
  );
}

/** The checkpoint that was saved last. */
export async function savedCheckpoint(client: ClientBase): Promise<BatchCheckpoint | undefined> {
  const { rows } = await client.query<{ checkpoint: BatchCheckpoint }>(
    "select checkpoint from public.checkpoints",
  );
  return rows[0]?.checkpoint;
}

/** SQL that makes a table with forced row level security that the migrator may work on. */
export function itemsTable(name: string, columns: string): string {
  return `create table public.${name} (${columns});
    alter table public.${name} enable row level security;
    alter table public.${name} force row level security;
    create policy ${name}_migrator on public.${name} to migrator using (true) with check (true);`;
}
