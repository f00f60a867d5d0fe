import {
  MigratorError,
  inReadOnlyTransaction,
  readCatalog,
  runFile,
  schemaOf,
  withSchema,
} from "@app-data/migrator/judged-database";
import {
  type Contract,
  type Schema,
  type SqlFile,
  type Statement,
  SqlSyntaxError,
  splitStatements,
} from "@app-data/rules";
import type { Client } from "pg";
import { sqlStateOf } from "./throwaway-database";

/** What applying migrations made. */
export interface Application {
  /** The transaction id that was next when each file began; files without a transaction share it. */
  starts: string[];
  /** What could not be done and did not keep the migrations from being applied. */
  limits: string[];
  /** The file that the migrator or PostgreSQL refused; none after it was applied. */
  refusal?: Refusal;
}

/** Why a migration was not applied. */
export interface Refusal {
  file: string;
  line: number;
  /** Of PostgreSQL, where it was that which refused. */
  sqlState: string | undefined;
  message: string;
}

/** How long a statement may take afterwards: one attempt of the trial is no more than that. */
const STATEMENT_TIMEOUT = "5s";

/**
 * Applies files in order, each as `up` runs it.
 * @param client the superuser's.
 * @param migrator the connection of the contract's role of migrations.
 */
export async function applyMigrations(
  client: Client,
  migrator: Client,
  files: readonly SqlFile[],
  contract: Contract,
): Promise<Application> {
  const application: Application = { starts: [], limits: [] };
  for (const file of files) {
    const { rows } = await client.query<{ next: string }>(
      "select pg_snapshot_xmax(pg_current_snapshot())::xid::text as next",
    );
    application.starts.push(rows[0]?.next ?? "");
    try {
      const { sql, limits } = await leaveOut(client, file, contract);
      application.limits.push(...limits);
      await runFile(migrator, { ...file, sql }, contract.searchPath);
    } catch (error) {
      return { ...application, refusal: refusalOf(await withSchema(client, error), file) };
    }
    // Each migration has a session of its own.
    await migrator.query("discard all");
  }
  await client.query(`set statement_timeout = '${STATEMENT_TIMEOUT}'`);
  return application;
}

/** Reads what the rules judge of a database. */
export function readSchema(client: Client): Promise<Schema> {
  return inReadOnlyTransaction(client, async () => schemaOf(await readCatalog(client)));
}

/**
 * Blanks out the statements about extensions that the server does not have, and on a platform whose tool
 * allows it the file's own `begin` and `commit`; lines stay as they are.
 */
async function leaveOut(client: Client, { file, sql }: SqlFile, { platform }: Contract) {
  const statements = await splitStatements(sql, file);
  const missing = await missingExtensions(client, statements);
  const isLeftOut = (statement: Statement) =>
    missing.has(extensionOf(statement) ?? "") || (platform !== null && isBracket(statement));
  let text = sql;
  for (const statement of statements.filter(isLeftOut)) {
    const end = statement.offset + statement.text.length;
    const blank = statement.text.replace(/[^\n]/g, " ");
    text = text.slice(0, statement.offset) + blank + text.slice(end);
  }
  const limits = [...missing].map(
    (name) => `${file}: the extension ${name} is not available here, and was left out`,
  );
  return { sql: text, limits };
}

async function missingExtensions(
  client: Client,
  statements: readonly Statement[],
): Promise<Set<string>> {
  const named = statements.map(extensionOf).filter((name) => name !== undefined);
  if (named.length === 0) return new Set();
  const { rows } = await client.query<{ name: string }>(
    "select name from pg_available_extensions where name = any ($1)",
    [named],
  );
  return new Set(named.filter((name) => !rows.some((row) => row.name === name)));
}

/** Whether it begins or commits a transaction. */
function isBracket({ tree }: Statement): boolean {
  const kind = "TransactionStmt" in tree ? tree.TransactionStmt.kind : undefined;
  return kind === "TRANS_STMT_BEGIN" || kind === "TRANS_STMT_START" || kind === "TRANS_STMT_COMMIT";
}

function extensionOf({ tree }: Statement): string | undefined {
  if ("CreateExtensionStmt" in tree) return tree.CreateExtensionStmt.extname;
  if ("AlterExtensionStmt" in tree) return tree.AlterExtensionStmt.extname;
  if (!("CommentStmt" in tree) || tree.CommentStmt.objtype !== "OBJECT_EXTENSION") return undefined;
  const { object } = tree.CommentStmt;
  return object && "String" in object ? object.String.sval : undefined;
}

/**
 * Why a file was refused.
 * @throws the error itself where it does not tell of the file.
 */
function refusalOf(error: unknown, { file }: SqlFile): Refusal {
  if (error instanceof SqlSyntaxError) {
    return { file, line: error.line, sqlState: undefined, message: error.reason };
  }
  if (!(error instanceof MigratorError)) throw error;
  const sqlState = sqlStateOf(error.cause);
  // Each begins with its code and place; of PostgreSQL's errors, advice for `up` follows.
  const [, line = "1", text = error.message] = PLACED.exec(error.message) ?? [];
  const message = sqlState === undefined ? text : (text.split("\n", 1)[0] ?? text);
  return { file, line: Number(line), sqlState, message: message.replace(/\.$/, "") };
}

const PLACED = /^MIG\d+ .*?:(\d+):\d+: (.*)$/s;
