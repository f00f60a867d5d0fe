import { type Statement, splitStatements } from "@app-data/rules";
import { type ClientBase, DatabaseError } from "pg";
import type { SqlFile, Trio } from "../files/trio";
import { TRIO_PARTS } from "../files/trio";
import { statementError } from "./statement-error";

const SYNTAX_ERROR = "42601";
/** What is longer holds data; reading it twice would cost more than it tells. */
const MOST_CHARACTERS = 1_000_000;

/**
 * Has the server read migrations without running anything of them, in the transaction that the connection is
 * in: the parser here is that of another version. Looks up no name, and takes no lock.
 * @throws MigratorError MIG005 for what this version of PostgreSQL does not know.
 */
export async function demandServerReads(client: ClientBase, trios: readonly Trio[]): Promise<void> {
  const files = trios
    .flatMap((trio) => TRIO_PARTS.map((part) => trio[part]))
    .filter(({ sql }) => sql.length <= MOST_CHARACTERS);
  const read = await Promise.all(
    files.map(async (file) => ({ file, statements: await splitStatements(file.sql, file.file) })),
  );
  const all = read.flatMap(({ statements }) => statements);
  // After one of these, what follows would run.
  if (all.length === 0 || all.some(({ tree }) => "TransactionStmt" in tree)) return;
  await client.query("savepoint reading");
  try {
    if (await isReadAsBlock(client, all)) return;
    const { version, refusals } = await readInFailedTransaction(client, read);
    const [first] = refusals;
    if (first) throw refusal(first, version);
  } finally {
    await client.query("rollback to savepoint reading; release savepoint reading");
  }
}

/**
 * A block is read as a whole before it runs, and this one runs nothing. The language of blocks knows less than
 * a file may hold (`select … into`, `declare … cursor`), so one that is not read proves nothing.
 */
async function isReadAsBlock(client: ClientBase, all: readonly Statement[]): Promise<boolean> {
  const body = all.map(({ text }) => `${text}\n;`).join("\n");
  try {
    await client.query(`do $reading$ begin if false then ${body} end if; end $reading$`);
    return true;
  } catch (error) {
    if (error instanceof DatabaseError) return false;
    throw error;
  }
}

interface Refused {
  file: SqlFile;
  statement: Statement;
  error: DatabaseError;
}

/**
 * A transaction that has failed reads each statement to its end, and then refuses it whatever it says: what it
 * refuses for its syntax, it cannot read.
 */
async function readInFailedTransaction(
  client: ClientBase,
  read: readonly { file: SqlFile; statements: readonly Statement[] }[],
): Promise<{ version: string; refusals: Refused[] }> {
  await client.query("rollback to savepoint reading");
  const { rows } = await client.query<{ version: string }>(
    "select pg_catalog.current_setting('server_version') as version",
  );
  await client.query("do $$ begin raise exception 'reading'; end $$").catch(() => undefined);
  const refusals: Refused[] = [];
  for (const { file, statements } of read) {
    for (const statement of statements) {
      const error: unknown = await client.query(statement.text).catch((reason: unknown) => reason);
      if (!(error instanceof DatabaseError)) throw error;
      if (error.code === SYNTAX_ERROR) refusals.push({ file, statement, error });
    }
  }
  return { version: rows[0]?.version ?? "", refusals };
}

function refusal({ file, statement, error }: Refused, version: string): unknown {
  return statementError(
    error,
    statement,
    file,
    `PostgreSQL ${version}, on which this database runs, does not know this syntax. Nothing was run. Write it ` +
      "in SQL of that version, or upgrade the server.",
  );
}
