// Judges SQL files by the rules and by the attacker, on a throw-away PostgreSQL.
import { createRequire } from "node:module";
import path from "node:path";
import { compileWorkspaces, PROJECT } from "../prepare.mjs";
import { report } from "../report.mjs";
import { readSqlFiles, UsageError } from "./sql-files.mjs";

const load = createRequire(import.meta.url);

/** What the application's own migrations stand on; other folders may leave it out. */
const BASE = "sql/000_existing_schema.sql";

/** Where rows for the attacker are in a folder that is not the project's. */
const SEEDS = "trial-rows";

/**
 * @param {{ file: string, sql: string }[]} files as `readSqlFiles` gives them.
 * @param {{ withTrial: boolean, fresh: boolean, contract?: string, seeds?: string }} options the contract is the name
 * of a preset or a file, without it the project's own; `seeds` is a folder in whose `trial-rows` rows for the attacker
 * are, without it they are the project's.
 * @returns `{ verdict, rules, contract }`: the verdict as `judgeMigrations` gives it; every rule that there is, as
 * `{ name, code, description, remediation, page }`; the contract that was read.
 */
export async function judge(files, { withTrial, fresh, contract, seeds }) {
  await compileWorkspaces();
  const rules = load(path.join(PROJECT, "rules/dist/index.js"));
  const { judgeMigrations, readSeeds, readableRule } = load(
    path.join(PROJECT, "trial/dist/index.js"),
  );
  const judgedBy = readContract(rules, contract);
  const verdict = await judgeMigrations(files, {
    contract: judgedBy,
    base: judgedBy.platform === null ? readSqlFiles(path.join(PROJECT, BASE), PROJECT) : [],
    seeds: seeds === undefined ? readSeeds(PROJECT) : readSeeds(seeds, SEEDS),
    withTrial,
    fresh,
    report,
  });
  const known = [
    { ...readableRule, page: readableRule.name },
    ...rules.schemaRules.map((rule) => ({ ...rule, page: rule.name })),
    ...rules.trialRules.map((rule) => ({ ...rule, page: "trial" })),
    ...WAIVERS,
  ];
  return { verdict, rules: known, contract: judgedBy };
}

function readContract(rules, nameOrFile) {
  try {
    return nameOrFile === undefined
      ? rules.projectContract(PROJECT)
      : rules.readContract(nameOrFile);
  } catch (error) {
    if (error.code !== "CFG046") throw error;
    throw new UsageError(error.message);
  }
}

const WAIVERS = [
  { code: "POL170", description: "No waiver has expired." },
  { code: "POL171", description: "Every waiver is needed." },
  { code: "POL172", description: "Every waiver is exact." },
  { code: "POL178", description: "Nothing waives what cannot be waived." },
].map((rule) => ({
  ...rule,
  name: "waivers",
  remediation: "Correct, renew or remove the waiver in policy/waivers.json.",
  page: "waivers",
}));
