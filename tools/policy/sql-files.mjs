// The SQL that is judged: the forward files of a folder of trios, or all files of a folder of plain SQL.
import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

/** A wrong call of the command, which ends with exit code 2. */
export class UsageError extends Error {}

/**
 * Reads the SQL of a folder, or of one file, in the order of the names and the numbers in them. A file that is the rollback or
 * verify file of another is left out.
 * @param place an absolute path.
 * @param from what file names in findings are relative to.
 * @returns `[{ file, sql }]`, with LF line ends and without byte order marks.
 */
export function readSqlFiles(place, from) {
  const facts = statSync(place, { throwIfNoEntry: false });
  if (!facts) throw new UsageError(`${place} does not exist. Give --sql a folder of .sql files.`);
  const paths = facts.isDirectory() ? forwardFiles(place) : [place];
  if (paths.length === 0)
    throw new UsageError(`${place} has no .sql file. Give --sql a folder of them.`);
  return paths.map((name) => ({
    file: path.relative(from, name).split(path.sep).join("/"),
    sql: readFileSync(name, "utf8")
      .replace(/^\uFEFF/, "")
      .replaceAll("\r\n", "\n"),
  }));
}

function forwardFiles(directory) {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith(".sql"))
    .sort(new Intl.Collator("en", { numeric: true }).compare);
  const isOther = (name) => {
    const forward = name.replace(/_(?:rollback|verify)\.sql$/, ".sql");
    return forward !== name && names.includes(forward);
  };
  return names.filter((name) => !isOther(name)).map((name) => path.join(directory, name));
}
