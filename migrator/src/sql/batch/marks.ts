import { type Statement, positionAt } from "@app-data/rules";
import { type Node, parseSync, scanSync } from "libpg-query";
import { CODES, MigratorError } from "../../errors";
import type { SqlFile } from "../../files/trio";
import { nodesIn } from "./syntax-tree";

/** A comment in a statement in whose place the range of a batch is written. */
export interface BatchMark {
  /** Offset of the comment in the statement's text, in UTF-16 code units. */
  start: number;
  /** Offset of its end. */
  end: number;
  /** The columns that the range limits, each as the parts of its name: `["u", "id"]`. */
  columns: string[][];
}

/** A syntax tree in which every mark is a condition, and how to tell them. */
export interface MarkedTree {
  tree: Node;
  /** The marks that a condition consists of: alone, or joined by AND. */
  marksIn(condition: Node | undefined): BatchMark[];
}

const MARK = /^\/\*\s*batch\s*:\s*(.*?)\s*\*\/$/is;
// A name that no function is given: it needs quotes.
const STAND_IN = "batch mark";

/**
 * Finds the marks of a statement.
 * @throws MigratorError MIG061 for one that does not name columns, MIG060 for a directive that stands
 * inside the statement.
 */
export function readMarks(statement: Statement, file: SqlFile): BatchMark[] {
  // Scanning takes longer than parsing, and nearly no statement has marks.
  if (!/batch\s*:/i.test(statement.text)) return [];
  const bytes = Buffer.from(statement.text, "utf8");
  const offset = (at: number) => bytes.subarray(0, at).toString("utf8").length;
  const placeOf = (start: number) => {
    const { line, column } = positionAt(file.sql, statement.offset + start);
    return `${file.file}:${line}:${column}`;
  };
  return scanSync(statement.text).tokens.flatMap((token) => {
    if (token.tokenName === "SQL_COMMENT" && /^--\s*batch\s*:/i.test(token.text)) {
      throw new MigratorError(
        CODES.badBatchDirective,
        `${placeOf(offset(token.start))}: a batch directive stands inside a statement. ` +
          "Write it on a line of its own directly above the statement.",
      );
    }
    const written = token.tokenName === "C_COMMENT" ? MARK.exec(token.text)?.[1] : undefined;
    if (written === undefined) return [];
    const start = offset(token.start);
    const columns = columnsOf(written.replace(/^\((.*)\)$/s, "$1"));
    if (columns) return [{ start, end: offset(token.end), columns }];
    throw new MigratorError(
      CODES.notBatchable,
      `${placeOf(start)}: a mark must name the columns that the range of a batch limits, ` +
        `and says "${written}". Write it as /* batch: u.id */, or /* batch: (u.a, u.b) */.`,
    );
  });
}

/** Parses a statement with a condition in place of each mark. */
export function markTree({ text }: Statement, marks: readonly BatchMark[]): MarkedTree | undefined {
  const standIn = (_: BatchMark, index: number) => ` and "${STAND_IN}"(${index})`;
  let tree: Node | undefined;
  try {
    const stmts = parseSync(replaceMarks(text, marks, standIn).sql).stmts ?? [];
    tree = stmts.length === 1 ? stmts[0]?.stmt : undefined;
  } catch {
    // A mark that follows no condition.
  }
  if (!tree) return undefined;
  const markOf = (node: Node): BatchMark[] => {
    if (!("FuncCall" in node)) return [];
    const { funcname: [name] = [], args: [index] = [] } = node.FuncCall;
    if (!name || !("String" in name) || name.String.sval !== STAND_IN) return [];
    // The parser leaves a zero out.
    const number = index && "A_Const" in index ? (index.A_Const.ival?.ival ?? 0) : -1;
    return marks.slice(number, number + 1);
  };
  return {
    tree,
    marksIn: (condition) => {
      if (!condition) return [];
      const joined = "BoolExpr" in condition && condition.BoolExpr.boolop === "AND_EXPR";
      return (joined ? (condition.BoolExpr.args ?? []) : [condition]).flatMap(markOf);
    },
  };
}

/** A statement's text with something in place of its marks. */
export interface Replaced {
  sql: string;
  /** The offset in the original text of an offset in {@link sql}. */
  originalOffset(offset: number): number;
}

/** Writes something in place of each mark. */
export function replaceMarks(
  text: string,
  marks: readonly BatchMark[],
  write: (mark: BatchMark, index: number) => string,
): Replaced {
  let sql = "";
  let copied = 0;
  const shifts: { from: number; to: number; end: number }[] = [];
  marks.forEach((mark, index) => {
    sql += text.slice(copied, mark.start);
    const from = sql.length;
    sql += write(mark, index);
    shifts.push({ from, to: sql.length, end: mark.end });
    copied = mark.end;
  });
  sql += text.slice(copied);
  return {
    sql,
    originalOffset(offset) {
      const last = shifts.findLast(({ from }) => from <= offset);
      return last ? last.end + Math.max(0, offset - last.to) : offset;
    },
  };
}

/** The columns that a mark names; undefined when it says anything else. */
function columnsOf(written: string): string[][] | undefined {
  let tree: unknown;
  // Without parentheses of its own it cannot end the call that it is read in.
  if (/[()]/.test(written)) return undefined;
  try {
    tree = parseSync(`select f(${written})`);
  } catch {
    return undefined;
  }
  const [call] = nodesIn(tree, "FuncCall");
  const columns = (call?.FuncCall.args ?? []).map(columnName);
  const named = columns.filter((column) => column !== undefined);
  return named.length > 0 && named.length === columns.length ? named : undefined;
}

/** The parts of a column's name; undefined when the expression is no column. */
export function columnName(expression: Node): string[] | undefined {
  const fields = "ColumnRef" in expression ? (expression.ColumnRef.fields ?? []) : [];
  const names = fields.flatMap((field) => ("String" in field ? [field.String.sval ?? ""] : []));
  return names.length > 0 && names.length === fields.length ? names : undefined;
}

/** An identifier in quotes. */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
