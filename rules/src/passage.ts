import type { BranchPath } from "./table-model";

/** A text of SQL, a file or a part of one, that is read statement by statement. */
export interface Passage {
  file: string;
  sql: string;
  /** The line of the file that the text starts on. */
  firstLine: number;
  /** The branch that it runs in. */
  path: BranchPath;
  /** What it belongs to when it is not the file itself: "do block". */
  inside?: string;
}

/** One statement of a passage; {@link sql} is its text. */
export interface Context extends Passage {
  /** The line of the file that the statement starts on. */
  line: number;
  /** The line of the file for a location in a syntax tree. */
  lineAt: (location: number) => number;
}

/** Finds the line of a location, which the parser counts in bytes of UTF-8 from the text's start. */
export function lineFinder({ sql, firstLine }: Passage): Context["lineAt"] {
  const ends: number[] = [];
  const bytes = Buffer.from(sql, "utf8");
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at);
  return (location) => firstLine + ends.filter((end) => end < location).length;
}
