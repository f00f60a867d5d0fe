import { existsSync, readFileSync } from "node:fs";
import type { SqlSyntaxError } from "@app-data/rules";
import { CODES } from "../errors";

const LINES_SHOWN = 6;

/**
 * An error as a person reads it.
 * @param showsValues whether what PostgreSQL itself said is shown, too, which may quote rows.
 */
export function describeError(error: unknown, showsValues: boolean): string {
  const said = isSyntaxError(error) ? describeSyntax(error) : messageOf(error);
  return [said, ...(showsValues ? valuesOf(error) : [])].join("\n");
}

/** By its name: most runs end before the class, and PostgreSQL's parser with it, is loaded. */
function isSyntaxError(error: unknown): error is SqlSyntaxError {
  return error instanceof Error && error.name === "SqlSyntaxError";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the parser refused, with the lines up to the place. */
function describeSyntax({ file, line, column, reason }: SqlSyntaxError): string {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split(/\r?\n/) : [];
  const first = Math.max(0, line - LINES_SHOWN);
  const width = String(line).length;
  const shown = lines.slice(first, line).map((text, index) => {
    return `${String(first + index + 1).padStart(width)} | ${text}`;
  });
  return [
    `${CODES.statementFailed} ${file}:${line}:${column}: ${reason} (SQLSTATE 42601).`,
    ...shown,
    ...(shown.length > 0 ? [`${" ".repeat(width)} | ${" ".repeat(column - 1)}^`] : []),
    "Nothing was run. Correct the file and run it again.",
  ].join("\n");
}

/** What PostgreSQL itself said: its message, and the detail, which quotes rows. */
function valuesOf(error: unknown): string[] {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause !== "object" || cause === null || !("message" in cause)) return [];
  const detail = "detail" in cause && cause.detail !== undefined ? ` ${String(cause.detail)}` : "";
  return [`PostgreSQL: ${String(cause.message)}.${detail}`];
}
