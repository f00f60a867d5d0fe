import { tokenAfter } from "@app-data/rules";

const MOST_CHARACTERS = 100;
const STRING = /^(?:[bBeExX]|[uU]&)?'/;

/**
 * A statement on one line, for people: without comments, cut after 100 characters, and with every
 * string as '…', because one may be a password or somebody's data.
 */
export function summarize(text: string): string {
  let line = "";
  let end = 0;
  for (let token = tokenAfter(text, 0); token; token = tokenAfter(text, token.end)) {
    if (line !== "" && token.start > end) line += " ";
    line += blanked(token.text);
    end = token.end;
    if (line.length > MOST_CHARACTERS) return `${line.slice(0, MOST_CHARACTERS - 1)}…`;
  }
  return line;
}

function blanked(token: string): string {
  if (/^\$[^\d]/.test(token)) return "$$…$$";
  return STRING.test(token) ? "'…'" : token;
}
