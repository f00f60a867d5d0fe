import type { ClientBase } from "pg";
import type { Catalog, Fact } from "./objects";
import { type Answer, Script, literal } from "../script";
import { CATALOG_QUERY, type CatalogRow, OTHERS_QUERY, OWNER_QUERIES } from "./sql/catalog-query";
import { AGE, type CatalogVersions, VERSIONS_QUERY } from "./sql/versions";

// What these are set to decides how PostgreSQL prints names, constants and expressions.
const ALWAYS = {
  search_path: "",
  timezone: "UTC",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  bytea_output: "hex",
  extra_float_digits: "1",
  quote_all_identifiers: "off",
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
  const answer = addReading<CatalogRow<Fact>>(
    script,
    "catalog_all",
    CATALOG_QUERY,
    [names],
    READ_ALL,
  );
  await script.run();
  return answer.rows;
}

/** Adds a query of the rows of PostgreSQL's own catalogs. */
export function addVersions(script: Script, written: keyof typeof AGE): Answer<CatalogVersions> {
  return addReading(script, "catalog_versions", VERSIONS_QUERY, [AGE[written]], READ_ALL);
}

/** Adds a query of what is part of no relation, function or type. */
export function addOthers(script: Script): Answer<CatalogRow<Fact>> {
  return addReading(script, "catalog_others", OTHERS_QUERY, ["'{}'"]);
}

/** Adds queries of single objects, with all that is part of them. */
export function addOwners(script: Script, owners: readonly string[]): Answer<CatalogRow<Fact>>[] {
  return Object.entries(OWNER_QUERIES).flatMap(([kind, query]) => {
    const oids = owners.flatMap((owner) => {
      const [found, oid = ""] = owner.split(" ");
      return found === kind ? [oid] : [];
    });
    const values = [`array[${oids.join(", ")}]::oid[]`];
    return oids.length > 0
      ? [addReading<CatalogRow<Fact>>(script, `catalog_${kind}`, query, values)]
      : [];
  });
}

/**
 * Adds a query of the catalog to a script; it prints as {@link readCatalog} does.
 * @param settings for the query alone. @default those for a query of a few objects
 */
export function addReading<Row>(
  script: Script,
  name: string,
  text: string,
  values: readonly string[],
  settings: Readonly<Record<string, string>> = READ_FEW,
): Answer<Row> {
  script.add("savepoint catalog_reading");
  // One statement takes less time than one for each.
  const set = Object.entries({ ...ALWAYS, ...settings })
    .map(([setting, value]) => `pg_catalog.set_config('${setting}', '${value}', true)`)
    .join(", ");
  script.addPrepared(settings === READ_FEW ? "read_few" : "read_all", `select ${set}`, []);
  const answer = script.addPrepared<Row>(name, text, values);
  script.add("rollback to savepoint catalog_reading");
  script.add("release savepoint catalog_reading");
  return answer;
}
