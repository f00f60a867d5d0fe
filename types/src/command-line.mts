// The command line of `npm run generate:types`. An ES module, because the generator is one.
import { parseArgs } from "node:util";
import { MigratorError } from "@app-data/migrator/migrated-database";
import { type TypesAction, runTypesCommand } from "./command.js";
import type { Generator } from "./metadata.js";

const HELP = `Usage: npm run generate:types [-- OPTIONS]

Writes the types of the database that MIGRATOR_URL names.
  --if-stale         only when the file's stamp does not fit the migrations
  --check            write nothing; fail when the file is not what the database gives
  --check-stamp      write nothing, ask no database; fail when the stamp does not fit the migrations
  --directory DIR    folder of the migrations (sql)
  --output FILE      the file (src/types/database.generated.ts)
`;

const ACTIONS: ReadonlyMap<string, TypesAction> = new Map([
  ["if-stale", "update"],
  ["check", "check"],
  ["check-stamp", "check-stamp"],
]);

async function loadGenerator(): Promise<Generator> {
  const [typegen, prettier] = await Promise.all([
    import("@supabase/postgrest-typegen"),
    import("prettier"),
  ]);
  return {
    async describe(database, includedSchemas) {
      const metadata = await typegen.introspect(database, { includedSchemas });
      return typegen.sortGeneratorMetadata(typegen.parseGeneratorMetadata(metadata));
    },
    write: (metadata) =>
      typegen.generateTypescript(typegen.parseGeneratorMetadata(metadata), {
        detectOneToOneRelationships: true,
        format: (source) => Promise.resolve(source),
      }),
    async format(source) {
      const layout = await prettier.resolveConfig("package.json", { editorconfig: true });
      return prettier.format(source, { ...layout, parser: "typescript" });
    },
  };
}

/** Runs the command. @returns the exit code: 0, 1 when something is stale or failed, 2 on a wrong call. */
export async function main(args: string[]): Promise<number> {
  let options;
  try {
    options = parseArgs({
      args,
      options: {
        "if-stale": { type: "boolean" },
        check: { type: "boolean" },
        "check-stamp": { type: "boolean" },
        directory: { type: "string", default: "sql" },
        output: { type: "string", default: "src/types/database.generated.ts" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const asked = Object.keys(options).flatMap((name) => ACTIONS.get(name) ?? []);
  if (asked.length > 1) {
    console.error(`Only one of --if-stale, --check and --check-stamp can be asked for.\n\n${HELP}`);
    return 2;
  }
  try {
    const done = await runTypesCommand({
      action: asked[0] ?? "write",
      directory: options.directory,
      file: options.output,
      urlVariable: "MIGRATOR_URL",
      loadGenerator,
    });
    console.log(done);
    return 0;
  } catch (error) {
    console.error(error instanceof MigratorError ? `error: ${error.message}` : error);
    return 1;
  }
}
