import { shortenInserts } from "./constant-inserts";
import { type Node, hasSqlDetails, loadModule, parseSync } from "libpg-query";

/** A place in a SQL text; both numbers count from 1, columns in characters. */
export interface Position {
  line: number;
  column: number;
}

/** One file of SQL. */
export interface SqlFile {
  /** The name that findings and errors give. */
  file: string;
  sql: string;
}

/** One statement of a SQL text. */
export interface Statement extends Position {
  /** The statement as written, without the semicolon. */
  text: string;
  /** Offset of {@link text} in the file, in UTF-16 code units. */
  offset: number;
  /** Its syntax tree, as PostgreSQL's own parser made it. */
  tree: Node;
}

/** The text is not SQL that PostgreSQL could read. */
export class SqlSyntaxError extends Error {
  public override readonly name = "SqlSyntaxError";
  public readonly code = "POL001";

  constructor(
    /** The parser's own message. */
    public readonly reason: string,
    public readonly file: string,
    public readonly line: number,
    public readonly column: number,
    options?: ErrorOptions,
  ) {
    super(
      `POL001 ${file}:${line}:${column}: ${reason}. ` +
        "PostgreSQL's parser has to accept the whole file; correct the statement at this place.",
      options,
    );
  }
}

// A file is parsed where it is checked, and again where it is planned and run; parsing takes longer than
// all else that is done with it here.
const MOST_KEPT = 16;
const latest = new Map<string, readonly Statement[]>();

/**
 * Splits a SQL text into its statements with PostgreSQL's own grammar.
 * @param file the name that errors give.
 * @throws SqlSyntaxError with the place of the first error.
 */
export async function splitStatements(sql: string, file: string): Promise<readonly Statement[]> {
  const known = latest.get(sql);
  if (known) return known;
  await loadModule();
  const statements = parseStatements(sql, file);
  const [oldest] = latest.keys();
  if (latest.size === MOST_KEPT && oldest !== undefined) latest.delete(oldest);
  latest.set(sql, statements);
  return statements;
}

/**
 * As {@link splitStatements}, for callers that know the parser to be loaded.
 * @throws SqlSyntaxError with the place of the first error.
 */
function parseStatements(sql: string, file: string): Statement[] {
  const { sql: shortened, repeated, offsetOf } = shortenInserts(sql);
  const bytes = Buffer.from(shortened, "utf8");
  // Where the statement before begins: counting from the start each time takes the square of the length.
  let before = { location: 0, offset: 0 };
  const parsed = parse(shortened, (offset) => positionAt(sql, offsetOf(offset)), file).map(
    ({ stmt, stmt_location = 0, stmt_len }) => {
      const end = stmt_len ? stmt_location + stmt_len : bytes.length;
      const offset =
        before.offset + bytes.subarray(before.location, stmt_location).toString("utf8").length;
      const text = bytes.subarray(stmt_location, end).toString("utf8");
      before = { location: stmt_location, offset };
      if (!stmt) throw new Error(`The parser returned an empty statement in ${file}.`);
      const start = offset + text.length - text.trimStart().length;
      return { tree: stmt, start: offsetOf(start), end: offsetOf(offset + text.length) };
    },
  );
  const trees = new Map(parsed.map(({ tree, start }) => [start, tree]));
  const all = repeated.flatMap(({ start, end, first }) => {
    const tree = trees.get(first);
    return tree ? [{ tree, start, end }] : [];
  });
  all.push(...parsed);
  if (repeated.length > 0) all.sort((a, b) => a.start - b.start);
  let last = { start: 0, line: 1 };
  return all.map(({ tree, start, end }) => {
    const line = last.line + linesBetween(sql, last.start, start);
    last = { start, line };
    const text = sql.slice(start, end).trimEnd();
    return { text, offset: start, tree, line, column: columnAt(sql, start) };
  });
}

/** Line and column of an offset (in UTF-16 code units) of a text. */
export function positionAt(text: string, offset: number): Position {
  return { line: 1 + linesBetween(text, 0, offset), column: columnAt(text, offset) };
}

function linesBetween(text: string, start: number, end: number): number {
  return text.slice(start, end).split("\n").length - 1;
}

function columnAt(text: string, offset: number): number {
  const lineStart = offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
  return [...text.slice(lineStart, offset)].length + 1;
}

function parse(sql: string, placeOf: (offset: number) => Position, file: string) {
  // The parser refuses a text without any statement only when it is empty.
  if (sql.trim() === "") return [];
  try {
    return parseSync(sql).stmts ?? [];
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    // The parser counts characters (code points) from 0.
    const offset = [...sql].slice(0, error.sqlDetails?.cursorPosition ?? 0).join("").length;
    const { line, column } = placeOf(offset);
    throw new SqlSyntaxError(error.message, file, line, column, { cause: error });
  }
}
