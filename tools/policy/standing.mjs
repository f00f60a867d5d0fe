// Which findings stand, and which are waived.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";

const load = createRequire(import.meta.url);
const WAIVERS = "policy/waivers.json";

/**
 * Takes away the findings that the project waives: in one environment, or, as SQL files are the same in all
 * of them, in every one.
 * @param findings each with the name of its rule and of its object.
 * @param rules those that were judged, `{ name }`.
 * @param context `{ environment, today }`: without an environment, waivers for some do not hold; `today` is
 * `YYYY-MM-DD`.
 * @returns `{ stands, waived }`; `stands` holds what is wrong with the waivers, too.
 * @throws Error CFG045 when the file of the waivers is of another shape.
 */
export function standing(findings, rules, { environment, today = currentDay() } = {}) {
  const { applyWaivers, parseWaivers } = load(path.join(PROJECT, "rules/dist/index.js"));
  const judged = rules.map(({ name }) => name);
  const { standing, waived, problems } = applyWaivers(
    findings,
    // Those of other rules are judged by the pack.
    parseWaivers(readFileSync(path.join(PROJECT, WAIVERS), "utf8"), WAIVERS).filter(({ rule }) =>
      judged.includes(rule),
    ),
    { environment, today, judged, known: judged, file: WAIVERS },
  );
  return {
    stands: [...standing, ...problems],
    waived: waived.map(({ finding, waiver }) => ({ ...finding, waiver })),
  };
}

function currentDay() {
  return new Date().toISOString().slice(0, "YYYY-MM-DD".length);
}
