// PostgreSQL's own scanner gives the same tokens and takes ten times as long, most of it to write
// them down; the tests compare the two. What neither reads as SQL, the parser has refused before.
const START = "A-Za-z_\\u0080-\\uffff";
const SPACE = " \\t\\n\\r\\f\\v";
const COMMENT = "--[^\\n\\r]*";
const CONTINUED = `(?:[${SPACE}]|${COMMENT}[\\n\\r])*[\\n\\r](?:[${SPACE}]|${COMMENT}[\\n\\r])*`;

const PIECE = new RegExp(
  [
    `(?<layout>[${SPACE}]+|${COMMENT})`,
    "(?<comment>/\\*)",
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
    "(?<operator>(?:(?!--|/\\*)[~!@#^&|`?+\\-*/%<>=])+)",
    "[^]",
  ].join("|"),
  "y",
);

/**
 * The tokens of a SQL text without its comments and its layout: two texts with
 * equal tokens are the same SQL. Bodies of functions are one token each.
 */
export function significantTokens(sql: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < sql.length;) {
    PIECE.lastIndex = at;
    const found = PIECE.exec(sql);
    if (!found) break;
    const { layout, comment, operator } = found.groups ?? {};
    let [text] = found;
    if (comment !== undefined) {
      at = endOfComment(sql, at);
      continue;
    }
    if (operator !== undefined) text = withoutSigns(operator);
    if (layout === undefined) tokens.push(text);
    at += text.length;
  }
  return tokens;
}

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
