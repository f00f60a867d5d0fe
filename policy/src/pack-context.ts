import path from "node:path";
import { projectContract, readWaivers, waiverFile } from "@app-data/rules";
import { readSeeds } from "@app-data/trial";
import type { PackContext } from "./aws/policies";
import { environmentOf } from "./environment";
import type { MigrationContext } from "./migration-sql";

/**
 * What the policies are made for here and now.
 *
 * @throws WaiverFileError CFG045 when the file of the waivers is of another shape; ContractError CFG046 when
 * the project's contract is.
 */
export function packContext(
  variables: Readonly<Record<string, string | undefined>>,
): PackContext & MigrationContext {
  const environment = environmentOf(variables);
  const directory = path.join(__dirname, "../..");
  return {
    environment,
    waivers: readWaivers({ file: waiverFile, directory, environment }),
    migrations: { contract: projectContract(directory), seeds: readSeeds(directory) },
  };
}
