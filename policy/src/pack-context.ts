import { readFileSync } from "node:fs";
import path from "node:path";
import { parseWaivers, schemaRules, trialRules } from "@app-data/rules";
import type { PackContext } from "./aws/policies";
import { environmentOf } from "./environment";

const WAIVER_FILE = "policy/waivers.json";

/**
 * What the policies are made for here and now.
 *
 * @throws WaiverFileError CFG045 when the file of the waivers is of another shape.
 */
export function packContext(variables: Readonly<Record<string, string | undefined>>): PackContext {
  const text = readFileSync(path.join(__dirname, "../waivers.json"), "utf8");
  return {
    environment: environmentOf(variables),
    waivers: parseWaivers(text, WAIVER_FILE),
    waiverFile: WAIVER_FILE,
    today: new Date().toISOString().slice(0, "YYYY-MM-DD".length),
    otherRules: [...schemaRules, ...trialRules].map(({ name }) => name),
  };
}
