// npm run report: one HTML page of a schema, from a running stack or from SQL files.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { callersDirectory, contractOf, environmentOf, withCallErrors } from "../policy/command.mjs";
import { UsageError } from "../policy/sql-files.mjs";
import { report as say } from "../report.mjs";
import { reportOfFiles, reportOfStack } from "./gather.mjs";
import { renderPage } from "./page.mjs";

const DEFAULT_OUTPUT = "schema-report.html";

/**
 * Writes the page.
 * @param {Record<string, any>} options `{ sql, stack, contract, environment, fresh, output }`; without `sql` it is of a
 * running stack.
 * @returns {Promise<number>} 0; 2 where the call is wrong or the SQL cannot be judged.
 */
export function report({ sql, stack, contract, environment, fresh, output = DEFAULT_OUTPUT }) {
  const from = callersDirectory();
  return withCallErrors(async () => {
    if (sql !== undefined && stack !== undefined)
      throw new UsageError("--sql and --stack contradict each other: give one of them.");
    if (sql === undefined && (contract ?? environment) !== undefined)
      throw new UsageError("--contract and --environment go with --sql: a stack has its own.");
    const found =
      sql === undefined
        ? await reportOfStack(stack, { fresh })
        : await reportOfFiles(path.resolve(from, sql), {
            contract: contractOf(contract, from),
            environment: environmentOf(environment),
            fresh,
            from,
          });
    const file = path.resolve(from, output);
    writeFileSync(file, renderPage(found));
    say(`Written: ${path.relative(from, file)}`);
    return 0;
  });
}
