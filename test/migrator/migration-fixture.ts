import { writeFileSync } from "node:fs";
import path from "node:path";
import { type ConnectionSettings, type Trio, applyMigration, readTrios } from "../../migrator/src";
import { type TestDatabase, createDatabase } from "../support/database";
import { MIGRATIONS } from "../support/project-migrations";
import { createSecret } from "../support/secrets";

/** A fresh database, and how the migrator reaches it. */
export interface MigratorFixture {
  database: TestDatabase;
  settings: ConnectionSettings;
}

/** One for all databases, which have the same migrator. */
let secret: Promise<string> | undefined;

/**
 * Creates a database that the migrator can log in to.
 * @param template name of the database that it is a copy of, to which nobody is connected.
 */
export async function createFixture(template?: string): Promise<MigratorFixture> {
  const database = await createDatabase(template);
  const { host, port, name } = database;
  secret ??= createSecret({ username: "migrator", password: database.password("migrator") });
  const credentials = { kind: "secret", secretId: await secret } as const;
  const tls = { mode: "disable" } as const;
  return { database, settings: { host, port, database: name, user: "migrator", credentials, tls } };
}

/** Creates a database with the project's migrations, for tests that each begin with a copy of it. */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  const { database, settings } = await createFixture();
  for (const each of projectTrios()) await applyMigration(settings, each);
  return database;
}

/** The migrations that tests speak of, whatever else is in sql/. */
export function projectTrios(): [Trio, Trio] {
  const trios = currentTrios();
  const [first, second] = MIGRATIONS.map((name) => trios.find((each) => each.name === name));
  if (!first || !second) throw new Error(`sql/ must hold ${MIGRATIONS.join(" and ")}.`);
  return [first, second];
}

/** All migrations in sql/, a user's own too: for what must hold of any. */
export function currentTrios(): Trio[] {
  return readTrios("sql");
}

/** A migration of the given SQL; without more, its verify file checks nothing, and nothing rolls it back. */
export function trio(
  version: string,
  forward: string,
  { rollback = "", verify = "select;" } = {},
): Trio {
  const name = `${version}_test`;
  return {
    version,
    name,
    forward: { file: `sql/${name}.sql`, sql: forward },
    rollback: { file: `sql/${name}_rollback.sql`, sql: rollback },
    verify: { file: `sql/${name}_verify.sql`, sql: verify },
  };
}

/** The forward SQL of a protected table, and what undoes it. */
export function protectedTable(version: string, name: string): Trio {
  const forward = `create table public.${name} (id integer primary key, note text);
alter table public.${name} enable row level security;
alter table public.${name} force row level security;
`;
  return trio(version, forward, { rollback: `drop table public.${name};` });
}

/** Writes migrations into a folder. */
export function writeTrios(directory: string, trios: readonly Trio[]): void {
  for (const { name, forward, rollback, verify } of trios) {
    writeFileSync(path.join(directory, `${name}.sql`), forward.sql);
    writeFileSync(path.join(directory, `${name}_rollback.sql`), rollback.sql);
    writeFileSync(path.join(directory, `${name}_verify.sql`), verify.sql);
  }
}
