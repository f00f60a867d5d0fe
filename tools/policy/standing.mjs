// Which findings stand, and which are waived.
import { createRequire } from "node:module";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";

const load = createRequire(import.meta.url);

/**
 * Takes away the findings that the project waives: in one environment, or, as SQL files are the same in all
 * of them, in every one.
 * @param findings each with the name of its rule and of its object.
 * @param judged names of the rules that were judged completely.
 * @param {{ environment?: string, directory?: string }} context without an environment, waivers for some do
 * not hold; the folder is the project's.
 * @returns `{ stands, waived }`; `stands` holds what is wrong with the waivers, too.
 * @throws Error CFG045 when the file of the waivers is of another shape.
 */
export function standing(findings, judged, { environment, directory = PROJECT } = {}) {
  const { readWaivers, waive, waiverFile } = load(path.join(PROJECT, "rules/dist/index.js"));
  const waivers = readWaivers({ file: waiverFile, directory, environment });
  const { standing, waived, problems } = waive(findings, waivers, judged);
  return {
    stands: [...standing, ...problems],
    waived: waived.map(({ finding, waiver }) => ({ ...finding, waiver })),
  };
}
