import { tokenAfter } from "./tokens";

/** An insert whose tree is that of an earlier one: they differ in constants alone. */
export interface RepeatedInsert {
  /** Offset of the statement in the text. */
  start: number;
  /** Offset of its end, before the semicolon. */
  end: number;
  /** Offset of the first insert of the kind. */
  first: number;
}

/** A SQL text without constants that the parser need not read. */
export interface ShortenedSql {
  sql: string;
  repeated: RepeatedInsert[];
  /** The offset in the whole text, for one in the shortened text. */
  offsetOf(offset: number): number;
}

// Below this, a tree of all constants costs nothing that anybody would notice.
const LEAST_CHARACTERS = 100_000;

const NAME = '(?:"(?:[^"]|"")+"|[a-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)';
const NUMBER = "[+-]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:e[+-]?\\d+)?(?![\\w.])";
const STRING = "[bx]?'[^']*(?:''[^']*)*'|e'[^'\\\\]*(?:(?:\\\\[^]|'')[^'\\\\]*)*'";
const CAST = `(?:\\s*::\\s*${NAME}(?:\\.${NAME})?(?:\\s*\\(\\s*\\d+(?:\\s*,\\s*\\d+)?\\s*\\))?(?:\\[\\])*)?`;
// An unqualified function without arguments is one of PostgreSQL's own: now(), gen_random_uuid().
const WORD = `(?:null|true|false|default|current_(?:date|time|timestamp))\\b|${NAME}\\s*\\(\\s*\\)`;
const CONSTANT = `(?:${NUMBER}|${STRING}|${WORD})${CAST}`;

const HEAD = new RegExp(
  `insert\\s+into\\s+${NAME}(?:\\s*\\.\\s*${NAME})?\\s*(?:\\(\\s*${NAME}(?:\\s*,\\s*${NAME})*\\s*\\)\\s*)?values\\s*`,
  "iy",
);
const ROW = new RegExp(`\\(\\s*${CONSTANT}(?:\\s*,\\s*${CONSTANT})*\\s*\\)`, "iy");
const LAYOUT = /\s*/y;
const COMMA = /\s*,\s*/y;
/** No quotes: what else may follow the rows is the same in every insert of a kind. */
const TAIL = /\s*(?:on\s+conflict\b[^;'"$]*)?(?=;)/iy;

/**
 * Leaves out, of inserts of nothing but constants, all rows but the first, and of inserts that are otherwise
 * equal all but the first: their trees would take a hundred times the memory of the text, and tell no more.
 * What is left out is SQL that the parser accepts.
 */
export function shortenInserts(sql: string): ShortenedSql {
  // In a body of this kind a semicolon ends no statement of the file.
  if (sql.length < LEAST_CHARACTERS || /\bbegin\s+atomic\b/i.test(sql))
    return { sql, repeated: [], offsetOf: (offset) => offset };
  const firsts = new Map<string, number>();
  const repeated: RepeatedInsert[] = [];
  const parts: string[] = [];
  /** For each part but the first: where it begins in the shortened text, and how much was left out before. */
  const gaps: { at: number; left: number }[] = [];
  let end = 0;
  let left = 0;
  const leaveOut = (from: number, to: number) => {
    parts.push(sql.slice(end, from));
    left += to - from;
    end = to;
    gaps.push({ at: end - left, left });
  };
  let isStart = true;
  let depth = 0;
  for (let token = tokenAfter(sql, 0); token;) {
    let after = token.end;
    let insert: ConstantInsert | undefined = isStart ? insertAt(sql, token.start) : undefined;
    isStart = insert !== undefined || (token.text === ";" && depth === 0);
    if (token.text === "(") depth += 1;
    else if (token.text === ")") depth -= 1;
    // Most often another follows, and there is no token to look at between the two.
    for (; insert; insert = insertAt(sql, endOf(LAYOUT, sql, after) ?? after)) {
      const { start, end: insertEnd } = insert;
      const first = firsts.get(insert.kind);
      if (first === undefined) {
        firsts.set(insert.kind, start);
        leaveOut(insert.firstRowEnd, insert.rowsEnd);
      } else {
        repeated.push({ start, end: insertEnd, first });
        leaveOut(start, insertEnd);
      }
      after = insertEnd + ";".length;
    }
    token = tokenAfter(sql, after);
  }
  const offsetOf = (offset: number) => {
    let [low, high] = [0, gaps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((gaps[middle]?.at ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return offset + (gaps[low - 1]?.left ?? 0);
  };
  return { sql: [...parts, sql.slice(end)].join(""), repeated, offsetOf };
}

interface ConstantInsert {
  start: number;
  firstRowEnd: number;
  rowsEnd: number;
  end: number;
  /** Equal where nothing but constants differs. */
  kind: string;
}

function insertAt(sql: string, start: number): ConstantInsert | undefined {
  const headEnd = endOf(HEAD, sql, start);
  const firstRowEnd = headEnd && endOf(ROW, sql, headEnd);
  if (firstRowEnd === undefined) return undefined;
  let rowsEnd = firstRowEnd;
  for (let next = endOf(COMMA, sql, rowsEnd); next !== undefined;) {
    const rowEnd = endOf(ROW, sql, next);
    if (rowEnd === undefined) return undefined;
    rowsEnd = rowEnd;
    next = endOf(COMMA, sql, rowsEnd);
  }
  const end = endOf(TAIL, sql, rowsEnd);
  if (end === undefined) return undefined;
  const kind = [sql.slice(start, headEnd), sql.slice(rowsEnd, end)].join("\0");
  return { start, firstRowEnd, rowsEnd, end, kind };
}

function endOf(pattern: RegExp, sql: string, start: number): number | undefined {
  pattern.lastIndex = start;
  return pattern.test(sql) ? pattern.lastIndex : undefined;
}
