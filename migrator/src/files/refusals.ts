import type { Position, SqlFile, SqlSyntaxError, Statement } from "@app-data/rules";
import type { CopyStmt, RangeVar } from "libpg-query";

/** Why a file cannot run as a migration, and where it says so. */
export interface Refusal extends Position {
  file: string;
  /** What was found, and what to write in its place. */
  message: string;
  /** Whether it is for psql, as dumps are. */
  ofPsql?: boolean;
  /** The parser's own error, where the text is no SQL. */
  syntaxError?: SqlSyntaxError;
}

/** What psql reads and the server does not: a line of its own, and the rows after a `copy … from stdin`. */
const PSQL_COMMAND = /^[ \t]*(\\[^\s\\]+).*$/gm;
const COPIED_ROWS = /(?<=^[ \t]*copy\b[^;]*?\sfrom\s+stdin\b[^\n]*\n)(?:[^]*?^\\\.[ \t]*$|[^]*)/gim;

/**
 * Lists all that keeps a file from running as a migration, in order: what the server would not read, what
 * controls the transaction, rows that psql would send, names without their schema. A syntax error is the
 * last: PostgreSQL's parser reads nothing after it.
 * @param searchPath the schemas in which unqualified names are looked for.
 */
export async function refusalsOf(
  { file, sql }: SqlFile,
  searchPath: readonly string[] = [],
): Promise<Refusal[]> {
  const { positionAt, splitStatements } = await import("@app-data/rules");
  const { text, commands, syntaxError } = await withoutPsql(sql, file);
  const statements = await splitStatements(text, file);
  const unqualified = searchPath.length > 0 ? [] : await unqualifiedNames(text, statements);
  const found: Omit<Refusal, "file">[] = [
    ...commands.map(({ index, command }) => ({
      ...positionAt(sql, index),
      ofPsql: true,
      message:
        `${command} is a command of psql, which the migrator is not. Remove the line, or write what it ` +
        "does as SQL.",
    })),
    ...statements.flatMap(({ tree, text: written, line, column }) => {
      const message =
        "TransactionStmt" in tree
          ? `"${written}" controls the transaction. The migrator runs a whole file in a transaction of ` +
            "its own; remove the statement."
          : "CopyStmt" in tree
            ? refusalOfCopy(tree.CopyStmt)
            : undefined;
      return message === undefined ? [] : [{ line, column, message, ofPsql: "CopyStmt" in tree }];
    }),
    ...unqualified.map(({ name, ...place }) => ({
      ...place,
      message:
        `${name} is named without its schema, and the migrator runs every file with an empty search ` +
        `path. Write the schema before the name, such as public.${name}.`,
    })),
  ];
  // Elsewhere another owner may be meant; a dump names those of the database that it was made of.
  if (found.some(({ ofPsql = false }) => ofPsql)) found.push(...statements.flatMap(refusalOfOwner));
  found.sort((a, b) => a.line - b.line || a.column - b.column);
  const refusals = found.map((each) => ({ file, ...each }));
  if (!syntaxError) return refusals;
  const { line, column, reason } = syntaxError;
  return [...refusals, { file, line, column, message: `${reason}.`, syntaxError }];
}

interface PsqlCommand {
  index: number;
  command: string;
}

/**
 * Blanks out what psql alone reads. Where that is, the parser says: a line that looks like it in the body
 * of a function is part of the body, and no error.
 */
async function withoutPsql(sql: string, file: string) {
  const commands: PsqlCommand[] = [];
  let parts: PsqlPart[] | undefined;
  let text = sql;
  for (;;) {
    const syntaxError = await syntaxErrorOf(text, file);
    if (!syntaxError) return { text, commands };
    const at = offsetOf(text, syntaxError);
    parts ??= psqlPartsOf(sql);
    const part = parts.find(({ index, end }) => index <= at && at <= end);
    if (!part) {
      // What stands before the statement with the error can still be read.
      const before = text.slice(0, text.lastIndexOf(";", at - 1) + 1);
      const readable = (await syntaxErrorOf(before, file)) ? "" : before;
      return { text: readable, commands, syntaxError };
    }
    parts.splice(parts.indexOf(part), 1);
    const { index, end, command } = part;
    if (command !== undefined) commands.push({ index, command });
    text = text.slice(0, index) + text.slice(index, end).replace(/[^\n]/g, " ") + text.slice(end);
  }
}

async function syntaxErrorOf(sql: string, file: string): Promise<SqlSyntaxError | undefined> {
  const { SqlSyntaxError, splitStatements } = await import("@app-data/rules");
  try {
    await splitStatements(sql, file);
    return undefined;
  } catch (error) {
    if (error instanceof SqlSyntaxError) return error;
    throw error;
  }
}

/** A line of psql, or the rows that it would send. */
interface PsqlPart {
  index: number;
  end: number;
  command: string | undefined;
}

function psqlPartsOf(sql: string): PsqlPart[] {
  return [COPIED_ROWS, PSQL_COMMAND].flatMap((pattern) =>
    [...sql.matchAll(pattern)].map(({ 0: text, 1: command, index }) => ({
      index: index + text.length - text.trimStart().length,
      end: index + text.length,
      command,
    })),
  );
}

function offsetOf(text: string, { line, column }: Position): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return before + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
}

function refusalOfCopy(copy: CopyStmt): string | undefined {
  const { is_from: isFrom = false, filename, is_program: isProgram, relation, attlist } = copy;
  if (!isFrom || filename !== undefined || isProgram) return undefined;
  const table = [relation?.schemaname, relation?.relname].filter(Boolean).join(".");
  const columns = (attlist ?? []).flatMap((each) => ("String" in each ? [each.String.sval] : []));
  const list = columns.length > 0 ? ` (${columns.join(", ")})` : "";
  return (
    "`copy … from stdin` reads rows that follow it in the file, and the migrator sends statements alone. " +
    `Write the rows as \`insert into ${table}${list} values (…), (…);\`; \`pg_dump --rows-per-insert=1000\` ` +
    "writes them so."
  );
}

function refusalOfOwner({ tree, line, column }: Statement): Omit<Refusal, "file">[] {
  const owners =
    "AlterOwnerStmt" in tree
      ? [tree.AlterOwnerStmt.newowner]
      : "AlterTableStmt" in tree
        ? (tree.AlterTableStmt.cmds ?? []).flatMap((command) =>
            "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_ChangeOwner"
              ? [command.AlterTableCmd.newowner]
              : [],
          )
        : [];
  return owners.map((owner) => ({
    line,
    column,
    message:
      `it gives what it makes to ${owner?.rolename ?? "another role"}, and whoever runs the migrations owns ` +
      "what they make. Remove the statement; `pg_dump --no-owner` writes none.",
  }));
}

interface UnqualifiedName extends Position {
  name: string;
}

/** Names without their schema of what statements make or change, each where it stands first. */
async function unqualifiedNames(
  sql: string,
  statements: readonly Statement[],
): Promise<UnqualifiedName[]> {
  const { positionAt, tokenAfter } = await import("@app-data/rules");
  const temporary = new Set<string>();
  const names = new Map<string, Position>();
  const seen = new Set<unknown>();
  for (const { tree, text, offset } of statements) {
    // Inserts that differ in constants alone share their tree.
    if (seen.has(tree)) continue;
    seen.add(tree);
    const add = (name: string) => {
      if (names.has(name)) return;
      let before: string | undefined;
      for (let token = tokenAfter(text, 0); token; token = tokenAfter(text, token.end)) {
        if (before !== "." && nameOf(token.text) === name) {
          names.set(name, positionAt(sql, offset + token.start));
          return;
        }
        before = token.text;
      }
    };
    for (const { relname = "", schemaname, relpersistence } of relationsIn(tree)) {
      if (relpersistence === "t") temporary.add(relname);
      // PostgreSQL looks in pg_catalog by itself.
      const isFound = schemaname !== undefined || temporary.has(relname) || /^pg_/.test(relname);
      if (!isFound) add(relname);
    }
    const made = nameOfMade(tree);
    if (made !== undefined) add(made);
  }
  return [...names].map(([name, place]) => ({ name: quoted(name), ...place }));
}

/** The name that a token is. */
function nameOf(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token.toLowerCase();
}

/** Where a name may be that of a common table expression, or takes the schema that the statement makes. */
const OTHERWISE_FOUND = new Set([
  ...["SelectStmt", "withClause", "fromClause", "usingClause", "sourceRelation"],
  "schemaElts",
]);

/** The relations that a statement makes or changes; what its queries read is left out. */
function relationsIn(tree: unknown): RangeVar[] {
  if (typeof tree !== "object" || tree === null) return [];
  if (isRelation(tree)) return [tree];
  if ("SelectStmt" in tree) return relationsIn(intoOf(tree.SelectStmt));
  return Object.entries(tree).flatMap(([key, value]) =>
    OTHERWISE_FOUND.has(key) ? [] : relationsIn(value),
  );
}

function isRelation(node: object): node is RangeVar {
  return "relname" in node && "relpersistence" in node;
}

function intoOf(query: unknown): unknown {
  return typeof query === "object" && query !== null && "intoClause" in query
    ? query.intoClause
    : undefined;
}

/** The name of what a statement makes that is no relation, where it stands without its schema. */
function nameOfMade(tree: Statement["tree"]): string | undefined {
  const parts =
    "CreateFunctionStmt" in tree
      ? tree.CreateFunctionStmt.funcname
      : "CreateEnumStmt" in tree
        ? tree.CreateEnumStmt.typeName
        : "CreateRangeStmt" in tree
          ? tree.CreateRangeStmt.typeName
          : "CreateDomainStmt" in tree
            ? tree.CreateDomainStmt.domainname
            : "DefineStmt" in tree
              ? tree.DefineStmt.defnames
              : undefined;
  const [only, ...others] = parts ?? [];
  return only && "String" in only && others.length === 0 ? only.String.sval : undefined;
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
