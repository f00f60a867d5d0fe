import { scanSync } from "libpg-query";

const MOST_CHARACTERS = 100;
const STRINGS: readonly string[] = ["SCONST", "USCONST", "BCONST", "XCONST"];

/**
 * A statement on one line, for people: without comments, cut after 100 characters, and with every
 * string as '…', because one may be a password or somebody's data.
 */
export function summarize(text: string): string {
  let line = "";
  let end = 0;
  for (const token of scanSync(text).tokens) {
    if (token.tokenName === "SQL_COMMENT" || token.tokenName === "C_COMMENT") continue;
    if (line !== "" && token.start > end) line += " ";
    line += STRINGS.includes(token.tokenName) ? blanked(token.text) : token.text;
    end = token.end;
    if (line.length > MOST_CHARACTERS) return `${line.slice(0, MOST_CHARACTERS - 1)}…`;
  }
  return line;
}

function blanked(text: string): string {
  return text.startsWith("$") ? "$$…$$" : "'…'";
}
