import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../errors";
import { readLog } from "../log/log";
import { inReadOnlyTransaction } from "../database/transaction";
import { type Trio, sha256 } from "../files/trio";
import { type Choices, readChoices } from "./choices";
import { type MigrationStamp, stampMigrations, stampedFile } from "./generated-file";
import { type RelationGrants, grantsSource, readGrants } from "./grants";
import type { Generator, Metadata, Queryable } from "./metadata";
import { agreeOnTypes, writeRunTimeTypes } from "./run-time-types";

interface Catalog {
  metadata: Metadata;
  choices: Choices;
  grants: RelationGrants[];
}

/** The migrator's own tables, which no application sees. */
const BOOKKEEPING = "migrations";

const SCHEMAS = `
select nspname::text as name from pg_namespace
 where nspname !~ '^pg_' and nspname not in ('information_schema', $1) order by nspname collate "C"`;

/**
 * Writes the types of a database that holds exactly the given migrations. Reads in one read-only
 * transaction; equal catalogs give equal text.
 * @param client logged in as the owner of the database's objects: others do not see all of them.
 * @param loadGenerator is called once the database is known to be the right one.
 * @returns the whole file.
 * @throws MigratorError MIG051 when the database's log does not know exactly these migrations as
 * applied, MIG052 when a column's type has no settled form at run time.
 */
export async function generateTypes(
  client: ClientBase,
  trios: readonly Trio[],
  loadGenerator: () => Promise<Generator>,
): Promise<string> {
  const migrations = await stampMigrations(trios);
  const { generator, ...catalog } = await inReadOnlyTransaction(client, async () => {
    // Names come out qualified, whatever the role's search_path is.
    await client.query("set local search_path = ''");
    await refuseOtherMigrations(client, migrations);
    const generator = await loadGenerator();
    return { generator, ...(await readCatalog(client, generator)) };
  });
  const { metadata, choices, grants } = catalog;
  const types = await generator.write(agreeOnTypes(metadata, choices));
  const source = await generator.format(writeRunTimeTypes(types) + grantsSource(grants));
  return stampedFile({ catalog: catalogDigest(catalog), migrations }, source);
}

async function readCatalog(client: ClientBase, generator: Generator): Promise<Catalog> {
  const { rows } = await client.query<{ name: string }>(SCHEMAS, [BOOKKEEPING]);
  const schemas = rows.map(({ name }) => name);
  return {
    metadata: await generator.describe(oneByOne(client), schemas),
    choices: await readChoices(client, schemas),
    grants: await readGrants(client, schemas),
  };
}

/** The generator asks many questions at once; a connection takes one after the other. */
function oneByOne(client: ClientBase): Queryable {
  let last: Promise<unknown> = Promise.resolve();
  return {
    query(sql) {
      const answer = last.then(() => client.query<Record<string, unknown>>(sql));
      last = answer.catch(() => undefined);
      return answer;
    },
  };
}

/** A digest of what the types depend on: no OIDs, sizes or comments, which differ between equals. */
function catalogDigest({ metadata, choices, grants }: Catalog): string {
  const { schemas, columns, relationships, functions, types } = metadata;
  const described = new Set(schemas.map(({ name }) => name));
  const facts = {
    schemas: [...described],
    columns: columns.map((column) => [
      ...[column.schema, column.table, column.name, column.type_schema, column.format],
      ...[column.is_nullable, column.is_updatable, column.is_generated, column.identity_generation],
      column.default_value !== null,
    ]),
    relationships,
    functions: functions.map((each) => [
      ...[each.schema, each.name, each.argument_types, each.return_type],
    ]),
    types: types
      .filter(({ schema }) => described.has(schema))
      .map(({ schema, name, enums, attributes }) => [
        ...[schema, name, enums],
        attributes.map((attribute) => attribute.name),
      ]),
    choices: [...choices].sort(([a], [b]) => (a < b ? -1 : 1)),
    grants,
  };
  return sha256(JSON.stringify(facts));
}

/** The stamp names the files' migrations, so the database must hold these and no others. */
async function refuseOtherMigrations(
  client: ClientBase,
  migrations: readonly MigrationStamp[],
): Promise<void> {
  const applied = (await readLog(client)).filter((entry) => entry.applied);
  const known = new Map(applied.map(({ name, digests }) => [name, digests.forward.content]));
  const problems = [
    ...migrations.flatMap(({ name, digest }) => {
      if (!known.has(name)) return [`${name} is not applied`];
      return known.get(name) === digest ? [] : [`${name} was applied with other SQL`];
    }),
    ...applied
      .filter((entry) => migrations.every(({ name }) => name !== entry.name))
      .map(({ name }) => `${name} is applied, and there is no file of it`),
  ];
  if (problems.length === 0) return;
  throw new MigratorError(
    CODES.typesOfOtherMigrations,
    `The database does not hold the migrations of the files: ${problems.join("; ")}. ` +
      "Types are made from a database that does: run `npm run up` first.",
  );
}
