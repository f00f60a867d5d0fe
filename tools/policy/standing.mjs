// Which findings stand, and which are waived.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";

const load = createRequire(import.meta.url);
const WAIVERS = "policy/waivers.json";

/**
 * Takes away the findings on the project's own migrations that are waived in every environment: SQL is
 * the same in all of them.
 * @param rules those that were judged, `{ name }`.
 * @returns `{ stands, waived }`; `stands` holds what is wrong with the waivers, too.
 * @throws Error CFG045 when the file of the waivers is of another shape.
 */
export function standing(findings, rules) {
  const { applyWaivers, parseWaivers } = load(path.join(PROJECT, "rules/dist/index.js"));
  const judged = rules.map(({ name }) => name);
  const { standing, waived, problems } = applyWaivers(
    findings,
    // Those of other rules are judged by the pack.
    parseWaivers(readFileSync(path.join(PROJECT, WAIVERS), "utf8"), WAIVERS).filter(({ rule }) =>
      judged.includes(rule),
    ),
    {
      today: new Date().toISOString().slice(0, "YYYY-MM-DD".length),
      judged,
      known: judged,
      file: WAIVERS,
    },
  );
  return {
    stands: [...standing, ...problems],
    waived: waived.map(({ finding, waiver }) => ({ ...finding, waiver })),
  };
}
