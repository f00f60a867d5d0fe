import type { ClientBase } from "pg";
import type { Catalog, Fact } from "./objects";
import { type Answer, Script, literal } from "../database/script";
import { CATALOG_QUERY, type CatalogRow, OTHERS_QUERY, OWNER_QUERIES } from "./sql/catalog-query";
import { AGE, type CatalogVersions, VERSIONS_QUERY } from "./sql/versions";

/** Settings that decide how PostgreSQL prints names, constants and expressions. */
export const PRINTING = {
  search_path: "",
  timezone: "UTC",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  bytea_output: "hex",
  extra_float_digits: "1",
  quote_all_identifiers: "off",
} as const;
const ALWAYS = {
  ...PRINTING,
  // It decides nothing: no reading is long enough to be compiled first, costly as it is taken to be.
  jit: "off",
};
// Planned once a connection: planning takes longer than reading.
const READ_ALL = { plan_cache_mode: "force_generic_plan" };
// A query of a few objects looks everything up by an index.
const READ_FEW = {
  ...READ_ALL,
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
};

/**
 * Reads everything that the catalog holds of every schema but PostgreSQL's own, and of the roles that
 * matter to this database. Names, types and expressions are the server's own deparsed form, printed
 * under the same settings whatever the session's are, so that two readings can be compared. Has to be
 * called in a transaction, and leaves its settings as they were.
 * @param expected what the reading will be compared with: roles that it knows are read also when they
 * lost all that ties them to this database, so that they do not look as if they were gone.
 */
export async function readCatalog(client: ClientBase, expected?: Catalog): Promise<Catalog> {
  return new Map((await readRows(client, expected)).map(({ key, fact }) => [key, fact]));
}

/** As {@link readCatalog}, with what each object is part of. */
export async function readRows(
  client: ClientBase,
  expected?: Catalog,
): Promise<CatalogRow<Fact>[]> {
  const roles = [...(expected ?? [])].flatMap(([key, { name }]) =>
    key.startsWith("role ") && typeof name === "string" ? [name] : [],
  );
  const script = new Script(client);
  const names = `array[${roles.map(literal).join(", ")}]::text[]`;
  const answer = addReading(
    script,
    () => script.addPrepared<CatalogRow<Fact>>("catalog_all", CATALOG_QUERY, [names]),
    READ_ALL,
  );
  await script.run();
  return answer.rows;
}

/** Reads the rows of PostgreSQL's own catalogs, all of them as written. */
export async function readVersions(client: ClientBase): Promise<CatalogVersions[]> {
  const script = new Script(client);
  const answer = addReading(script, () => addVersions(script, AGE.any), READ_ALL);
  await script.run();
  return answer.rows;
}

/** What may have changed in a transaction. */
export interface WrittenAnswers {
  /** Of PostgreSQL's own catalogs. */
  versions: Answer<CatalogVersions>;
  /** What is part of no relation, function or type. */
  others: Answer<CatalogRow<Fact>>;
}

/** Adds the queries that tell what the transaction of a script has changed so far. */
export function addWritten(script: Script): WrittenAnswers {
  const queries = () => ({
    versions: addVersions(script, AGE.ofThisTransaction),
    others: script.addPrepared<CatalogRow<Fact>>("catalog_others", OTHERS_QUERY, ["'{}'"]),
  });
  return addReading(script, queries, READ_ALL);
}

/** Reads relations, functions and types, each with all that is part of it. */
export async function readOwners(
  client: ClientBase,
  owners: ReadonlySet<string>,
): Promise<CatalogRow<Fact>[]> {
  const script = new Script(client);
  const oidsOf = (kind: string) =>
    [...owners].flatMap((owner) => (owner.startsWith(`${kind} `) ? [owner.split(" ")[1]] : []));
  const queries = () =>
    Object.entries(OWNER_QUERIES).flatMap(([kind, query]) => {
      const oids = oidsOf(kind);
      const values = [`array[${oids.join(", ")}]::oid[]`];
      return oids.length > 0
        ? [script.addPrepared<CatalogRow<Fact>>(`catalog_${kind}`, query, values)]
        : [];
    });
  const answers = addReading(script, queries);
  await script.run();
  return answers.flatMap(({ rows }) => rows);
}

/**
 * Adds queries of the catalog to a script, which print as {@link readCatalog} does.
 * @param add adds the queries alone.
 * @param settings for these alone. @default those for queries of a few objects
 */
export function addReading<T>(
  script: Script,
  add: () => T,
  settings: Readonly<Record<string, string>> = READ_FEW,
): T {
  // One statement takes less time than one for each.
  const set = Object.entries({ ...ALWAYS, ...settings })
    .map(([setting, value]) => `pg_catalog.set_config('${setting}', '${value}', true)`)
    .join(", ");
  script.add(`savepoint catalog_reading; select ${set}`);
  const answers = add();
  script.add("rollback to savepoint catalog_reading; release savepoint catalog_reading");
  return answers;
}

function addVersions(script: Script, age: string): Answer<CatalogVersions> {
  return script.addPrepared("catalog_versions", VERSIONS_QUERY, [age]);
}
