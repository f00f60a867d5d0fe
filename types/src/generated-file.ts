import {
  CODES,
  MigratorError,
  type Trio,
  inspectTrio,
  sha256,
} from "@app-data/migrator/migrated-database";

/** What the generated file was made from; a digest is SHA-256, hexadecimal. */
export interface Stamp {
  /** Of what the types depend on in the catalog. */
  catalog: string;
  migrations: MigrationStamp[];
}

/** A migration by name, with the digest of its forward SQL without comments and layout. */
export interface MigrationStamp {
  name: string;
  digest: string;
}

const HEADER = `// What the database holds, as \`pg\` with \`databaseTypes\` gives and takes it. Written by
// \`npm run generate:types\` from the catalog of a database with the migrations below. Not for editing:
// \`npm run typecheck\` compares the digests.
`;
const REMEDY = "Run `npm run up`, then `npm run generate:types`, and commit the file.";
const STAMP = /^\/\/ (catalog|migration|types)(?: (\d{3,18}_\w+))? ([0-9a-f]{64})$/gm;

/** The file with its stamp, from the source that follows it. */
export function stampedFile({ catalog, migrations }: Stamp, source: string): string {
  const lines = [
    `// catalog ${catalog}`,
    ...migrations.map(({ name, digest }) => `// migration ${name} ${digest}`),
    `// types ${sha256(source)}`,
  ];
  return `${HEADER}//\n${lines.join("\n")}\n\n${source}`;
}

/** The stamps of migrations, in order. @throws what {@link inspectTrio} throws. */
export function stampMigrations(trios: readonly Trio[]): Promise<MigrationStamp[]> {
  return Promise.all(
    trios.map(async (trio) => {
      const { forward } = await inspectTrio(trio);
      return { name: trio.name, digest: forward.content };
    }),
  );
}

/**
 * Checks a generated file against the migrations, without a database.
 * @param file its path, as errors give it.
 * @param text its content, undefined when it does not exist.
 * @throws MigratorError MIG050 that says in what it is stale, or that it was edited.
 */
export function checkStamp(
  file: string,
  text: string | undefined,
  migrations: readonly MigrationStamp[],
): void {
  if (text === undefined) throw stale(`${file} does not exist.`);
  const stamps = [...text.matchAll(STAMP)].map(([, kind, name, digest]) => ({
    kind,
    name,
    digest,
  }));
  const types = stamps.find(({ kind }) => kind === "types")?.digest;
  const source = text.slice(text.indexOf("\n\n") + 2);
  if (types !== sha256(source)) {
    throw stale(`${file} was edited, or its stamp was: it is not what the generator wrote.`);
  }
  const stamped = new Map(
    stamps.flatMap(({ kind, name, digest }) => (kind === "migration" ? [[name, digest]] : [])),
  );
  const differences = [
    ...migrations.flatMap(({ name, digest }) => {
      if (!stamped.has(name)) return [`${name} is missing in it`];
      return stamped.get(name) === digest ? [] : [`the SQL of ${name} has changed since`];
    }),
    ...[...stamped.keys()]
      .filter((stampedName) => migrations.every(({ name }) => name !== stampedName))
      .map((name) => `${String(name)} is gone`),
  ];
  if (differences.length > 0) throw stale(`${file} is stale: ${differences.join("; ")}.`);
}

/**
 * Compares a file with what the generator makes now.
 * @throws MigratorError MIG050 that shows the first line that differs.
 */
export function checkContent(file: string, text: string | undefined, expected: string): void {
  if (text === expected) return;
  if (text === undefined) throw stale(`${file} does not exist.`);
  const found = text.split("\n");
  const wanted = expected.split("\n");
  const differing = Array.from(
    { length: Math.max(found.length, wanted.length) },
    (_, at) => at,
  ).filter((at) => wanted[at] !== found[at]);
  // The digests differ whenever anything does.
  const at = differing.find((each) => !wanted[each]?.startsWith("// ")) ?? differing[0] ?? 0;
  const show = (line: string | undefined) => (line === undefined ? "the end" : `"${line.trim()}"`);
  throw stale(
    `${file}:${at + 1} differs from the database: the file has ${show(found[at])}, ` +
      `the database gives ${show(wanted[at])}.`,
  );
}

function stale(what: string): MigratorError {
  return new MigratorError(CODES.staleTypes, `${what} ${REMEDY}`);
}
