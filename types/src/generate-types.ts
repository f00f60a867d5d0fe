import type { ClientBase } from "pg";
import {
  CODES,
  MigratorError,
  type Trio,
  inReadOnlyTransaction,
  readLog,
  sha256,
} from "@app-data/migrator/migrated-database";
import { type Choices, readChoices } from "./choices";
import { type MigrationStamp, stampMigrations, stampedFile } from "./generated-file";
import { type RelationGrants, grantsSource, readGrants } from "./grants";
import type { Generator, Metadata, Queryable } from "./metadata";
import { agreeOnTypes, describeLastResorts, writeRunTimeTypes } from "./run-time-types";

const DOMAINS_OF_DOMAINS = `
with recursive domain as (
  select oid, typnamespace, typname, typbasetype as base from pg_type where typtype = 'd'
  union all
  select d.oid, d.typnamespace, d.typname, t.typbasetype
    from domain d join pg_type t on t.oid = d.base
   where t.typtype = 'd'
)
select format('%s.%s', d.typnamespace::regnamespace, d.typname) as domain,
       t.typname as format, t.typnamespace::regnamespace::text as type_schema
  from domain d join pg_type t on t.oid = d.base
 where t.typtype <> 'd'`;

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

/** What was generated. */
export interface GeneratedTypes {
  /** The whole file. */
  text: string;
  /** Columns whose values `pg` leaves as text, or reads in a way of its own, a sentence each. */
  lastResorts: string[];
}

/**
 * Writes the types of a database that holds exactly the given migrations. Reads in one read-only
 * transaction; equal catalogs give equal text.
 * @param client logged in as the owner of the database's objects: others do not see all of them.
 * @param loadGenerator is called once the database is known to be the right one.
 * @throws MigratorError MIG051 when the database's log does not know exactly these migrations as applied.
 */
export async function generateTypes(
  client: ClientBase,
  trios: readonly Trio[],
  loadGenerator: () => Promise<Generator>,
): Promise<GeneratedTypes> {
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
  const text = stampedFile({ catalog: catalogDigest(catalog), migrations }, source);
  return { text, lastResorts: describeLastResorts(metadata) };
}

async function readCatalog(client: ClientBase, generator: Generator): Promise<Catalog> {
  const { rows } = await client.query<{ name: string }>(SCHEMAS, [BOOKKEEPING]);
  const schemas = rows.map(({ name }) => name);
  const metadata = await generator.describe(oneByOne(client), schemas);
  return {
    metadata: await resolveDomains(client, metadata),
    choices: await readChoices(client, schemas),
    grants: await readGrants(client, schemas),
  };
}

/** The generator looks through one domain; `pg` is told the type behind all of them. */
async function resolveDomains(client: ClientBase, metadata: Metadata): Promise<Metadata> {
  const { rows } = await client.query<{ domain: string; format: string; type_schema: string }>(
    DOMAINS_OF_DOMAINS,
  );
  const bases = new Map(rows.map(({ domain, ...base }) => [domain, base]));
  const columns = metadata.columns.map((column) => ({
    ...column,
    ...bases.get(`${column.type_schema}.${column.format}`),
  }));
  return { ...metadata, columns };
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
