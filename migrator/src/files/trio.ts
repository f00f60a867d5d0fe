import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import type { Position, Statement } from "@app-data/rules";
import { CODES, MigratorError } from "../errors";
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
  rollback: SqlFile;
  verify: SqlFile;
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
const COPY_FROM_STDIN = /(?:^|;)\s*copy\s[^;]*?\sfrom\s+stdin\b/im;
const OTHER_PARTS = ["rollback", "verify"] as const;

/**
 * Reads the migrations of a folder, in order.
 * @param directory holds `NNN_name.sql`, `NNN_name_rollback.sql` and `NNN_name_verify.sql`, where `NNN` are
 * three digits or more.
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

  const problems = [...misnamed(names), ...incomplete(names, files), ...outOfSequence(names)];
  if (problems.length > 0) {
    throw new MigratorError(
      CODES.incompleteFolder,
      `${directory} is not a sequence of migrations. ${problems.join(" ")}`,
    );
  }
  const read = (file: string) => readSqlFile(path.join(directory, file));
  return names.map((name) => ({
    version: versionOf(name) ?? name,
    name,
    forward: read(`${name}.sql`),
    rollback: read(`${name}_rollback.sql`),
    verify: read(`${name}_verify.sql`),
  }));
}

const HEADER = /^(?:\s*--.*)*/;
const NO_ROLLBACK = /^[ \t]*--[ \t]*no-rollback[ \t]*:[ \t]*(.*?)[ \t]*$/im;

/**
 * Why a migration cannot be undone, as the header of its forward SQL says: `-- no-rollback: WHY`.
 * @returns undefined when it can be; "" when the reason is missing.
 */
export function noRollbackOf(forwardSql: string): string | undefined {
  const [header = ""] = HEADER.exec(forwardSql) ?? [];
  return NO_ROLLBACK.exec(header)?.[1];
}

/**
 * Checks that a migration can run inside the migrator's transaction, and digests it.
 * @throws SqlSyntaxError at the first statement that PostgreSQL's parser refuses.
 * @throws MigratorError MIG002 for a statement that would end or change the transaction.
 */
export async function inspectTrio(trio: Trio): Promise<TrioDigests> {
  // Loaded when it is needed: PostgreSQL's parser is large.
  const { significantTokens } = await import("@app-data/rules");
  for (const part of TRIO_PARTS) await inspectFile(trio[part]);
  const digest = ({ sql }: SqlFile): FileDigest => ({
    text: sha256(sql),
    content: sha256(significantTokens(sql).join("\0")),
  });
  return {
    forward: digest(trio.forward),
    rollback: digest(trio.rollback),
    verify: digest(trio.verify),
  };
}

/**
 * Checks that a file can run inside the migrator's transaction.
 * @param searchPath the schemas in which unqualified names are looked for.
 * @throws SqlSyntaxError at the first statement that PostgreSQL's parser refuses.
 * @throws MigratorError MIG002 for a statement that would end or change the transaction, that reads rows from
 * the file, or that makes something in no schema.
 */
export async function inspectFile(
  { file, sql }: SqlFile,
  searchPath: readonly string[] = [],
): Promise<void> {
  const { SqlSyntaxError, positionAt, splitStatements } = await import("@app-data/rules");
  try {
    const statements = await splitStatements(sql, file);
    const hasPath = searchPath.length > 0 || statements.some(mayChangeSearchPath);
    for (const statement of statements) {
      refuseTransactionControl(statement, file);
      refuseCopiedRows(statement, file);
      if (!hasPath) refuseUnqualified(statement, file);
    }
  } catch (error) {
    // The parser takes the rows for SQL, and stops at the first.
    const copy = error instanceof SqlSyntaxError ? COPY_FROM_STDIN.exec(sql) : null;
    if (!copy || !(error instanceof SqlSyntaxError)) throw error;
    const place = positionAt(sql, copy.index + copy[0].search(/copy/i));
    if (place.line > error.line) throw error;
    throw copiesRows(place, file, error);
  }
}

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

function refuseTransactionControl({ tree, text, line, column }: Statement, file: string): void {
  if (!("TransactionStmt" in tree)) return;
  throw new MigratorError(
    CODES.transactionControl,
    `${file}:${line}:${column}: "${text}" controls the transaction. The migrator runs a whole file ` +
      "in a transaction of its own; remove the statement.",
  );
}

function refuseCopiedRows({ tree, ...place }: Statement, file: string): void {
  if (!("CopyStmt" in tree)) return;
  const { is_from: isFrom = false, filename, is_program: isProgram } = tree.CopyStmt;
  if (isFrom && filename === undefined && !isProgram) throw copiesRows(place, file);
}

function copiesRows({ line, column }: Position, file: string, cause?: unknown): MigratorError {
  return new MigratorError(
    CODES.transactionControl,
    `${file}:${line}:${column}: \`copy … from stdin\` reads rows that follow it in the file, and the ` +
      "migrator sends statements alone. Write the rows as `insert into TABLE (COLUMNS) values (…), (…);`.",
    { cause },
  );
}

function mayChangeSearchPath({ tree, text }: Statement): boolean {
  return !("CreateFunctionStmt" in tree) && text.includes("search_path");
}

function refuseUnqualified({ tree, line, column }: Statement, file: string): void {
  const name = unqualifiedName(tree);
  if (name === undefined) return;
  throw new MigratorError(
    CODES.transactionControl,
    `${file}:${line}:${column}: ${name} is made in no schema: the migrator runs every file with an empty ` +
      `search path. Write the schema before the name, such as public.${name}.`,
  );
}

/** The name of what a statement makes, where it stands without its schema. */
function unqualifiedName(tree: Statement["tree"]): string | undefined {
  const relation =
    "CreateStmt" in tree
      ? tree.CreateStmt.relation
      : "ViewStmt" in tree
        ? tree.ViewStmt.view
        : "CreateSeqStmt" in tree
          ? tree.CreateSeqStmt.sequence
          : "CreateTableAsStmt" in tree
            ? tree.CreateTableAsStmt.into?.rel
            : undefined;
  if (relation) {
    const isTemporary = relation.relpersistence === "t";
    return relation.schemaname === undefined && !isTemporary ? relation.relname : undefined;
  }
  const parts =
    "CreateFunctionStmt" in tree
      ? tree.CreateFunctionStmt.funcname
      : "CreateEnumStmt" in tree
        ? tree.CreateEnumStmt.typeName
        : "CreateDomainStmt" in tree
          ? tree.CreateDomainStmt.domainname
          : undefined;
  const [only, ...others] = parts ?? [];
  return only && "String" in only && others.length === 0 ? only.String.sval : undefined;
}

function misnamed(names: string[]): string[] {
  return names
    .filter((name) => !NAME.test(name))
    .map(
      (name) => `${name}.sql must be named NNN_name.sql: 3 to 18 digits, then words in lower case.`,
    );
}

function incomplete(names: string[], files: string[]): string[] {
  const present = new Set(files);
  const missing = names.flatMap((name) =>
    OTHER_PARTS.map((part) => `${name}_${part}.sql`)
      .filter((file) => !present.has(file))
      .map((file) => `${file} is missing beside ${name}.sql.`),
  );
  const known = new Set(names.flatMap((name) => OTHER_PARTS.map((part) => `${name}_${part}.sql`)));
  const orphans = files
    .filter((file) => !known.has(file) && !names.includes(file.slice(0, -".sql".length)))
    .map((file) => `${file} belongs to no forward file.`);
  return [...missing, ...orphans];
}

/** By number; what has none comes last. */
function compareNames(a: string, b: string): number {
  const [first, second] = [versionOf(a), versionOf(b)];
  if (first === undefined || second === undefined) return a < b ? -1 : 1;
  return compareVersions(first, second) || (a < b ? -1 : 1);
}

/** Counted numbers start at 0 and leave no gap, so that a file that was forgotten is missed. */
function outOfSequence(names: string[]): string[] {
  const problems: string[] = [];
  let before: { name: string; version: string } | undefined;
  for (const name of names) {
    const version = versionOf(name);
    if (version === undefined) continue;
    if (before?.version === version) {
      problems.push(
        `${before.name}.sql and ${name}.sql have the same number, ${version}: each needs its own.`,
      );
    } else if (!isTime(version)) {
      const due = before ? canonicalVersion((BigInt(before.version) + 1n).toString()) : "000";
      const written = due.padStart(digitsOf(name)?.length ?? 0, "0");
      if (version !== due) {
        problems.push(
          `${name}.sql stands where ${written} is due: numbers start at 000 and leave no gap, unless ` +
            "they are times (YYYYMMDDhhmmss).",
        );
      }
    }
    before = { name, version };
  }
  return problems;
}
