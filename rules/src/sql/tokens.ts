import { createHash } from "node:crypto";

// PostgreSQL's own scanner gives the same tokens and takes ten times as long, most of it to write
// them down; the tests compare the two. What neither reads as SQL, the parser has refused before.
const START = "A-Za-z_\\u0080-\\uffff";
const SPACE = " \\t\\n\\r\\f\\v";
const COMMENT = "--[^\\n\\r]*";
const CONTINUED = `(?:[${SPACE}]|${COMMENT}[\\n\\r])*[\\n\\r](?:[${SPACE}]|${COMMENT}[\\n\\r])*`;

const SPACES = " \t\n\r\f\v";
const OPERATORS = "~!@#^&|`?+-*/%<>=";

const PIECE = new RegExp(
  [
    `[${SPACE}]+|${COMMENT}`,
    "/\\*",
    // A string goes on in the next line.
    `[eE]'(?:[^'\\\\]|\\\\[^]|'')*'(?:${CONTINUED}'(?:[^'\\\\]|\\\\[^]|'')*')*`,
    `(?:[bBxX]|[uU]&)?'(?:[^']|'')*'(?:${CONTINUED}'(?:[^']|'')*')*`,
    '(?:[uU]&)?"(?:[^"]|"")*"',
    `\\$(?<tag>(?:[${START}][\\d${START}]*)?)\\$[^]*?\\$\\k<tag>\\$`,
    "\\$\\d+",
    `[${START}][\\d$${START}]*`,
    "0[xX][\\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+",
    "(?:\\d[\\d_]*(?:\\.(?!\\.)[\\d_]*)?|\\.\\d[\\d_]*)(?:[eE][+-]?\\d[\\d_]*)?",
    "::|:=|\\.\\.",
    "(?:(?!--|/\\*)[~!@#^&|`?+\\-*/%<>=])+",
    "[^]",
  ].join("|"),
  "y",
);

/** A token of a SQL text; its offsets are in UTF-16 code units. */
export interface Token {
  text: string;
  start: number;
  end: number;
}

/** The first token at or after an offset that is neither comment nor layout; undefined at the end. */
export function tokenAfter(sql: string, offset: number): Token | undefined {
  for (let at = offset; at < sql.length;) {
    PIECE.lastIndex = at;
    // A file may have millions of tokens: `exec` would make a list of groups for each.
    if (!PIECE.test(sql)) break;
    const piece = sql.slice(at, PIECE.lastIndex);
    if (piece === "/*") {
      at = endOfComment(sql, at);
    } else if (piece.startsWith("--") || SPACES.includes(piece.charAt(0))) {
      at += piece.length;
    } else {
      const text = OPERATORS.includes(piece.charAt(0)) ? withoutSigns(piece) : piece;
      return { text, start: at, end: at + text.length };
    }
  }
  return undefined;
}

/**
 * The tokens of a SQL text without its comments and its layout: two texts with
 * equal tokens are the same SQL. Bodies of functions are one token each.
 */
export function significantTokens(sql: string): string[] {
  const tokens: string[] = [];
  for (let token = tokenAfter(sql, 0); token; token = tokenAfter(sql, token.end)) {
    tokens.push(token.text);
  }
  return tokens;
}

/**
 * SHA-256 of the tokens of a SQL text, hexadecimal: equal where only comments or layout differ. A text may
 * be long, so its tokens are never there all at once.
 */
export function digestTokens(sql: string): string {
  const hash = createHash("sha256");
  let waiting = "";
  for (let token = tokenAfter(sql, 0); token;) {
    const next = tokenAfter(sql, token.end);
    waiting += next ? `${token.text}\0` : token.text;
    if (waiting.length > HASHED_AT_ONCE) {
      hash.update(waiting, "utf8");
      waiting = "";
    }
    token = next;
  }
  return hash.update(waiting, "utf8").digest("hex");
}

const HASHED_AT_ONCE = 65_536;

/** Comments of this kind can hold others. */
function endOfComment(sql: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(sql); found; found = mark.exec(sql)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}

/** An operator ends in a sign only with one of the characters that the SQL standard has no operators of. */
function withoutSigns(operator: string): string {
  return /[~!@#^&|`?%]/.test(operator) ? operator : operator.replace(/(?<=.)[+-]+$/, "");
}
