import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { CODES, MigratorError } from "../errors";
import { type Refusal, refusalsOf } from "./refusals";
import { canonicalVersion, compareVersions, digitsOf, isTime, versionOf } from "./version";

/** One SQL file of a migration. */
export interface SqlFile {
  /** Path as errors give it. */
  file: string;
  /** Its text, with LF line ends and without a byte order mark. */
  sql: string;
}

/** A migration: what to do, how to undo it, and how to tell that it was done. */
export interface Trio {
  /**
   * The number that the name begins with, with zeros before it up to three digits; migrations run in the
   * order of these numbers.
   */
  version: string;
  /** Version and name, as the forward file is called: `001_add_missing_tables`. */
  name: string;
  forward: SqlFile;
  /** Empty where there is {@link noRollback}. */
  rollback: SqlFile;
  verify: SqlFile;
  /** Why it cannot be undone, as its header says: there is no rollback file then. */
  noRollback?: string;
}

/** SHA-256 digests of one file, hexadecimal. */
export interface FileDigest {
  /** Of the text. */
  text: string;
  /** Of its SQL alone: equal when only comments or layout differ. */
  content: string;
}

/** Digests of the three files of a migration. */
export type TrioDigests = Record<TrioPart, FileDigest>;

/** The files of a migration. */
export type TrioPart = "forward" | "rollback" | "verify";

/** The three parts, in the order in which they are read. */
export const TRIO_PARTS: readonly TrioPart[] = ["forward", "rollback", "verify"];

const NAME = /^\d{3,18}(?:_[a-z0-9]+)+$/;
const OTHER_PARTS = ["rollback", "verify"] as const;

/**
 * Reads the migrations of a folder, in order.
 * @param directory holds `NNN_name.sql`, `NNN_name_rollback.sql` (unless the header says `no-rollback`) and
 * `NNN_name_verify.sql`, where `NNN` are three digits or more.
 * @throws MigratorError MIG001 that lists every file that is missing, misnamed or out of sequence.
 */
export function readTrios(directory: string): Trio[] {
  if (!existsSync(directory)) {
    throw new MigratorError(
      CODES.incompleteFolder,
      `${directory} does not exist. It must hold the migrations.`,
    );
  }
  const files = readdirSync(directory)
    .filter((file) => file.endsWith(".sql"))
    .sort();
  const isOther = (file: string) => OTHER_PARTS.some((part) => file.endsWith(`_${part}.sql`));
  const names = files
    .filter((file) => !isOther(file))
    .map((file) => file.slice(0, -".sql".length))
    .sort(compareNames);

  const read = (file: string) => readSqlFile(path.join(directory, file));
  const forwards = names.map((name) => {
    const forward = read(`${name}.sql`);
    const { noRollback, squashesTo } = headerOf(forward.sql);
    return { name, forward, noRollback, squashesTo };
  });
  const irreversible = forwards.filter(({ noRollback }) => noRollback !== undefined);
  const problems = [
    ...misnamed(names),
    ...incomplete(names, files, new Set(irreversible.map(({ name }) => name))),
    ...irreversible
      .filter(({ noRollback }) => noRollback === "")
      .map(({ name }) => `${name}.sql has to say after "no-rollback:" why it cannot be undone.`),
    ...outOfSequence(forwards),
  ];
  if (problems.length > 0) {
    throw new MigratorError(
      CODES.incompleteFolder,
      `${directory} is not a sequence of migrations. ${problems.join(" ")}`,
    );
  }
  return forwards.map(({ name, forward, noRollback }) => {
    const rollback = `${name}_rollback.sql`;
    return {
      version: versionOf(name) ?? name,
      name,
      forward,
      rollback:
        noRollback === undefined
          ? read(rollback)
          : { file: path.join(directory, rollback), sql: "" },
      verify: read(`${name}_verify.sql`),
      ...(noRollback !== undefined && { noRollback }),
    };
  });
}

const HEADER = /^(?:\s*--.*)*/;
const NO_ROLLBACK = /^[ \t]*--[ \t]*no-rollback[ \t]*:[ \t]*(.*?)[ \t]*$/im;
const SQUASHES = /^[ \t]*--[ \t]*squashes[ \t]*:[ \t]*\d{3,18}[ \t]*\.\.[ \t]*(\d{3,18})[ \t]*$/im;

function headerOf(forwardSql: string) {
  const [header = ""] = HEADER.exec(forwardSql) ?? [];
  return {
    noRollback: NO_ROLLBACK.exec(header)?.[1],
    /** The digits of the last migration whose place it takes: `-- squashes: 002..005`. */
    squashesTo: SQUASHES.exec(header)?.[1],
  };
}

/**
 * Why a migration cannot be undone, as the header of its forward SQL says: `-- no-rollback: WHY`.
 * @returns undefined when it can be; "" when the reason is missing.
 */
export function noRollbackOf(forwardSql: string): string | undefined {
  return headerOf(forwardSql).noRollback;
}

/**
 * Checks that a migration can run inside the migrator's transaction, and digests it.
 * @throws what {@link inspectFile} throws, of all three files at once; MigratorError MIG025 for a forward or
 * verify file without a statement.
 */
export async function inspectTrio(trio: Trio): Promise<TrioDigests> {
  const refusals = [];
  for (const part of TRIO_PARTS) refusals.push(...(await refusalsOf(trio[part])));
  refuse(refusals);
  for (const part of ["forward", "verify"] as const) await refuseEmpty(trio[part], part);
  // Loaded when it is needed: PostgreSQL's parser is large.
  const { digestTokens } = await import("@app-data/rules");
  const digest = ({ sql }: SqlFile) => ({ text: sha256(sql), content: digestTokens(sql) });
  return {
    forward: digest(trio.forward),
    rollback: digest(trio.rollback),
    verify: digest(trio.verify),
  };
}

/**
 * Checks that a file can run inside the migrator's transaction.
 * @param searchPath the schemas in which unqualified names are looked for.
 * @throws SqlSyntaxError where PostgreSQL's parser refuses the file, MigratorError MIG002 that lists all
 * that {@link refusalsOf} finds.
 */
export async function inspectFile(
  file: SqlFile,
  searchPath: readonly string[] = [],
): Promise<void> {
  refuse(await refusalsOf(file, searchPath));
}

function refuse(refusals: readonly Refusal[]): void {
  const [first, ...others] = refusals;
  if (!first) return;
  if (first.syntaxError) throw first.syntaxError;
  const lines = refusals.map(
    ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
  );
  const message =
    others.length === 0
      ? lines.join("")
      : [`${lines.length} places cannot be run as a migration:`, ...lines].join("\n  ");
  const dump = refusals.some(({ ofPsql = false }) => ofPsql) ? `\n${OF_A_DUMP}` : "";
  throw new MigratorError(CODES.transactionControl, message + dump);
}

const OF_A_DUMP =
  "Is it a dump? `npx migrator baseline --from-database` writes the migration of a database as it is.";

/** SHA-256 of a text, hexadecimal. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

function readSqlFile(file: string): SqlFile {
  const sql = readFileSync(file, "utf8")
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n");
  return { file, sql };
}

const NEEDED = {
  forward: "Write what the migration is to do",
  verify: "Write statements that raise where the migration did not do what it was to do",
};

/** An untouched template would be applied, verified and kept: the first real line would be an edit of it. */
async function refuseEmpty({ file, sql }: SqlFile, part: keyof typeof NEEDED): Promise<void> {
  const { splitStatements } = await import("@app-data/rules");
  if ((await splitStatements(sql, file)).length > 0) return;
  throw new MigratorError(
    CODES.emptyFile,
    `${file} holds no statement, only comments or nothing. ${NEEDED[part]}, or delete the three files.`,
  );
}

function misnamed(names: string[]): string[] {
  return names
    .filter((name) => !NAME.test(name))
    .map(
      (name) => `${name}.sql must be named NNN_name.sql: 3 to 18 digits, then words in lower case.`,
    );
}

function incomplete(names: string[], files: string[], irreversible: ReadonlySet<string>): string[] {
  const present = new Set(files);
  const missing = names.flatMap((name) =>
    OTHER_PARTS.filter((part) => part !== "rollback" || !irreversible.has(name))
      .map((part) => `${name}_${part}.sql`)
      .filter((file) => !present.has(file))
      .map((file) => `${file} is missing beside ${name}.sql.`),
  );
  const contradicted = [...irreversible]
    .map((name) => `${name}_rollback.sql`)
    .filter((file) => present.has(file))
    .map((file) => `${file} undoes what its forward file says cannot be undone (no-rollback).`);
  const known = new Set(names.flatMap((name) => OTHER_PARTS.map((part) => `${name}_${part}.sql`)));
  const orphans = files
    .filter((file) => !known.has(file) && !names.includes(file.slice(0, -".sql".length)))
    .map((file) => `${file} belongs to no forward file.`);
  return [...missing, ...contradicted, ...orphans];
}

/** By number; what has none comes last. */
function compareNames(a: string, b: string): number {
  const [first, second] = [versionOf(a), versionOf(b)];
  if (first === undefined || second === undefined) return a < b ? -1 : 1;
  return compareVersions(first, second) || (a < b ? -1 : 1);
}

/** Counted numbers start at 0 and leave no gap, so that a file that was forgotten is missed. */
function outOfSequence(
  forwards: readonly { name: string; squashesTo: string | undefined }[],
): string[] {
  const problems: string[] = [];
  let before: { name: string; version: string; last: string } | undefined;
  for (const { name, squashesTo } of forwards) {
    const version = versionOf(name);
    if (version === undefined) continue;
    if (before?.version === version) {
      problems.push(
        `${before.name}.sql and ${name}.sql have the same number, ${version}: each needs its own.`,
      );
    } else if (!isTime(version)) {
      const due = before ? canonicalVersion((BigInt(before.last) + 1n).toString()) : "000";
      const written = due.padStart(digitsOf(name)?.length ?? 0, "0");
      if (version !== due) {
        problems.push(
          `${name}.sql stands where ${written} is due: numbers start at 000 and leave no gap, unless ` +
            "they are times (YYYYMMDDhhmmss).",
        );
      }
    }
    before = { name, version, last: squashesTo ?? version };
  }
  return problems;
}
