import { type Statement, positionAt } from "@app-data/rules";
import { DatabaseError } from "pg";
import { CODES, MigratorError } from "../errors";

const LINES_SHOWN = 12;

const ROLLED_BACK =
  "The transaction was rolled back: the database is as it was. Correct the file and run it again.";

/** The advice of an outcome where the statement itself is at fault. */
const CORRECT = /Correct the (?:file|statement)/;
// lock_not_available, deadlock_detected, serialization_failure.
const IN_THE_WAY = new Set(["55P03", "40P01", "40001"]);
const UNDEFINED_OBJECT = "42704";
const DATA_EXCEPTION = "22";
// query_canceled, admin_shutdown, crash_shutdown.
const ENDED = new Set(["57014", "57P01", "57P02"]);

function wayOut({ code = "", message }: DatabaseError): string {
  if (code === UNDEFINED_OBJECT && /^role ".*" does not exist$/s.test(message)) {
    return (
      "Roles belong to the whole server, so no migration makes them: have the stack make it " +
      "(components/database-roles.ts), or whoever administers the server; or correct the file"
    );
  }
  if (IN_THE_WAY.has(code)) {
    return (
      "Another session was in the way at every try: `npx migrator plan` names who is. Wait for it, or " +
      "end it,"
    );
  }
  if (ENDED.has(code)) return "It was ended from outside, or by a limit of time: mend that";
  return "$&";
}

/**
 * A statement failed: the error with its file, line, column, SQLSTATE and text.
 * What PostgreSQL calls the detail is left out, because it can quote rows, and so are values in its message
 * that do not stand in the statement. `--show-values` shows them.
 * @param outcome what has become of the database, and what to do.
 */
export function statementError(
  error: unknown,
  statement: Statement,
  { file, sql }: { file: string; sql: string },
  outcome = ROLLED_BACK,
): unknown {
  if (!(error instanceof DatabaseError)) return error;
  const offset = failureOffset(error, statement);
  const { line, column } = positionAt(sql, offset);
  const place = `${file}:${line}:${column}`;
  const parts = [
    `${place}: ${withoutValues(error, statement)} (SQLSTATE ${error.code ?? "unknown"}).`,
    excerpt(statement, line, column),
    ...(error.hint ? [`Hint: ${error.hint}`] : []),
    outcome.replace(CORRECT, wayOut(error)),
  ];
  const recorded = `${place}: ${withoutMessage(error)}`;
  return new MigratorError(CODES.statementFailed, parts.join("\n"), { cause: error, recorded });
}

/** What an error of PostgreSQL says without its message: code and object. */
export function withoutMessage({
  code = "unknown",
  schema,
  table,
  column,
  constraint,
}: DatabaseError): string {
  const object = [
    table && `table ${[schema, table].filter(Boolean).join(".")}`,
    column && `column ${column}`,
    constraint && `constraint ${constraint}`,
  ].filter(Boolean);
  return [`SQLSTATE ${code}`, ...object].join(", ");
}

/** An error of data quotes the value that it is about: a row's, unless the statement holds it. */
function withoutValues({ code = "", message }: DatabaseError, { text }: Statement): string {
  if (!code.startsWith(DATA_EXCEPTION)) return message;
  return message.replace(/"(.*)"/s, (quoted, value: string) =>
    text.includes(`'${value}'`) ? quoted : '"…"',
  );
}

/** Where in the file the server saw the error; the statement's start when it does not say. */
function failureOffset(error: DatabaseError, { text, offset }: Statement): number {
  if (error.position !== undefined) {
    // The server counts characters, from 1.
    const before = [...text].slice(0, Number(error.position) - 1).join("");
    return offset + before.length;
  }
  const inBlock = /inline_code_block line (\d+)/.exec(error.where ?? "");
  const body = /\$\w*\$/.exec(text);
  if (!inBlock || !body) return offset;
  const lines = text
    .slice(body.index)
    .split("\n")
    .slice(0, Number(inBlock[1]) - 1);
  const lineStart = body.index + lines.reduce((sum, line) => sum + line.length + 1, 0);
  const indent = /^\s*/.exec(text.slice(lineStart))?.[0].length ?? 0;
  return offset + lineStart + (lines.length > 0 ? indent : 0);
}

/** The statement around the failing line, with line numbers and a caret under the place. */
function excerpt(statement: Statement, line: number, column: number): string {
  const lines = statement.text.split("\n");
  const failing = line - statement.line;
  const first = Math.max(0, Math.min(failing - LINES_SHOWN / 2, lines.length - LINES_SHOWN));
  const width = String(statement.line + lines.length).length;
  return lines
    .slice(first, first + LINES_SHOWN)
    .flatMap((text, index) => {
      const number = statement.line + first + index;
      // The first line of a statement may start in the middle of a line of the file.
      const lead = number === statement.line ? " ".repeat(statement.column - 1) : "";
      const shown = `${String(number).padStart(width)} | ${lead}${text}`;
      const caret = `${" ".repeat(width)} | ${" ".repeat(column - 1)}^`;
      return number === line ? [shown, caret] : [shown];
    })
    .join("\n");
}
