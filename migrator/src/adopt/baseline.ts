import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Fact, splitKey } from "../catalog";
import { withConnection } from "../database/connection";
import type { ConnectionSettings } from "../database/settings";
import { inReadOnlyTransaction } from "../database/transaction";
import { CODES, MigratorError } from "../errors";
import { text } from "../judge/drift/drift";
import { logExists } from "../log/log";
import { type SchemaReading, readSchema } from "./schema-reading";
import { type SchemaSql, schemaSql } from "./schema-sql";
import { verifyFile } from "./verify-file";

/** The files of a baseline. */
export interface BaselineFiles {
  files: string[];
  /** What the forward file does not make, and what has to be corrected before it can be recorded. */
  notMade: string[];
}

const NAME = "000_baseline";
/** The role that whoever owns the database is a member of: PostgreSQL gives it the schema public. */
const DATABASE_OWNER = "pg_database_owner";

/**
 * Writes the first migration of a database that has none: it makes the schema that the database has, or
 * leaves what is there, and its verify file tells every difference.
 * @param directory of the migrations; made when it is missing.
 * @throws MigratorError MIG022 when there are migrations in it, or the database has some.
 */
export async function writeBaseline(
  settings: ConnectionSettings,
  directory: string,
): Promise<BaselineFiles> {
  refuseMigrations(directory);
  const { forward, verify, notMade } = await withConnection(settings, (client) =>
    inReadOnlyTransaction(client, async () => {
      if (await logExists(client)) {
        throw new MigratorError(
          CODES.databaseNotEmpty,
          "The database has a log of migrations already, so it needs no baseline. `npx migrator status` " +
            "shows what is applied.",
        );
      }
      const { rows } = await client.query<{ role: string }>("select current_user::text as role");
      return baselineOf(await readSchema(client), rows[0]?.role ?? settings.user);
    }),
  );
  mkdirSync(directory, { recursive: true });
  const files = Object.entries({ [`${NAME}.sql`]: forward, [`${NAME}_verify.sql`]: verify }).map(
    ([file, sql]) => {
      const place = path.join(directory, file);
      writeFileSync(place, sql, { flag: "wx" });
      return place;
    },
  );
  return { files, notMade };
}

/** The SQL of a baseline. @param role that owns what it makes. */
export function baselineOf(
  reading: SchemaReading,
  role: string,
): { forward: string; verify: string; notMade: string[] } {
  const made = schemaSql(reading);
  const notMade = [...made.notMade, ...ofOthers(reading, role)];
  const verified = [...reading.catalog].flatMap(([key, fact]): [string, Fact][] => {
    if (isNotMade(key, made) || isBroughtAlong(key, fact, reading)) return [];
    const owner = text(fact, "owner");
    return [[key, owner === "" || owner === DATABASE_OWNER ? fact : { ...fact, owner: role }]];
  });
  return {
    forward: forwardSql(made, notMade),
    verify: verifyFile(NAME, new Map(verified)),
    notMade,
  };
}

function refuseMigrations(directory: string): void {
  if (!existsSync(directory)) return;
  const [file] = readdirSync(directory).filter((each) => each.endsWith(".sql"));
  if (file === undefined) return;
  throw new MigratorError(
    CODES.databaseNotEmpty,
    `${directory} holds ${file}, and a baseline is the first migration. Name an empty folder: ` +
      "`npx migrator baseline --from-database --directory DIR`.",
  );
}

/** What is made belongs to the role that runs the migration. */
function ofOthers(reading: SchemaReading, role: string): string[] {
  return [...reading.catalog].flatMap(([key, fact]) => {
    const owner = text(fact, "owner");
    const isRoles = ["", role, DATABASE_OWNER].includes(owner) || NOT_OWNED.has(splitKey(key).kind);
    return isRoles || isBroughtAlong(key, fact, reading)
      ? []
      : [`${key} belongs to ${owner}: give it to ${role} before the baseline is recorded.`];
  });
}

const NOT_OWNED = new Set(["database", "extension", "default privileges"]);

/** An extension's, or the functions of a range type: a superuser's. */
function isBroughtAlong(key: string, fact: Fact, { implied }: SchemaReading): boolean {
  const { kind } = splitKey(key);
  return fact["extension"] !== undefined || (kind === "function" && implied.has(key));
}

function isNotMade(key: string, { notMade }: SchemaSql): boolean {
  return notMade.some((each) => each.startsWith(`${key}: `) && !key.startsWith("type "));
}

function forwardSql({ sections }: SchemaSql, notMade: readonly string[]): string {
  const header = `-- Purpose   The schema that the database had before its first migration
-- Requires  the roles that it names
-- Hazards   changes access
-- Rollback  there is none: it was there before
-- no-rollback: what it makes was there before the first migration
`;
  const left =
    notMade.length > 0
      ? `-- Not made here:\n${notMade.map((each) => `--   ${each}`).join("\n")}\n`
      : "";
  const body = sections.map(
    ({ heading, statements }) => `-- ${heading}.\n\n${statements.join("\n\n")}\n`,
  );
  return [
    header + left,
    "-- A body may name what is made after it.\nset local check_function_bodies = off;\n",
    ...body,
  ].join("\n");
}
