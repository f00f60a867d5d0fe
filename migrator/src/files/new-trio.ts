import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CODES, MigratorError } from "../errors";
import { readTrios } from "./trio";
import { digitsOf, nextDigits } from "./version";

const NAME = /^[a-z0-9]+(?:_[a-z0-9]+)*$/;

/**
 * Writes the three files of a new migration, with the next number, as wide as the newest, and headers to
 * fill in; where the newest number is a time, with the time of now.
 * @returns their paths.
 * @throws MigratorError MIG019 when the name is not lower-case words joined by underscores, MIG001 when
 * the folder is not a sequence of migrations.
 */
export function writeTrio(directory: string, name: string): string[] {
  if (!NAME.test(name) || /_(?:rollback|verify)$/.test(name)) {
    throw new MigratorError(
      CODES.badMigrationName,
      `"${name}" is no name for a migration: it must be lower-case words joined by underscores, such as ` +
        "add_notes, and not end in _rollback or _verify.",
    );
  }
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
  const newest = readTrios(directory).at(-1);
  const full = `${nextDigits(newest && digitsOf(newest.name), new Date())}_${name}`;
  const files = {
    [`${full}.sql`]: forward(name),
    [`${full}_rollback.sql`]: rollback(full),
    [`${full}_verify.sql`]: verify(full),
  };
  return Object.entries(files).map(([file, text]) => {
    const place = path.join(directory, file);
    // Never over a file that somebody else is just making.
    writeFileSync(place, text, { flag: "wx" });
    return place;
  });
}

function forward(name: string): string {
  return `-- Purpose   ${name.replaceAll("_", " ")}
-- Requires  what must be there first
-- Hazards   none
-- Rollback  what it loses

-- Each table: enable and force row level security, a policy for each command that is granted.
`;
}

function rollback(full: string): string {
  return `-- Purpose   Undo ${full}
-- Loses     nothing
`;
}

function verify(full: string): string {
  return `-- Purpose   Show that ${full} did what it was to do: raises when it did not
`;
}
