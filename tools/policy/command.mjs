// npm run policy: judges SQL files on a throw-away PostgreSQL, by the rules and by the attacker.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";
import { report } from "../report.mjs";
import { judge } from "./judge.mjs";
import { sarif } from "./sarif.mjs";
import { readSqlFiles, UsageError } from "./sql-files.mjs";
import { standing } from "./standing.mjs";

const STANDARD_OUTPUT = "-";
// The rules know them too, but are compiled only after the call was understood.
const ENVIRONMENTS = ["local", "dev", "staging", "prod"];
/** There is no PostgreSQL to judge on. */
const NO_SERVER = "POL004";

/**
 * @param {Record<string, any>} options `{ sql, trial, "no-trial", fresh, contract, json, sarif, environment }`; `sarif` is a file, or "-"
 * for standard output; `contract` the name of a preset or a file; waivers for some environments hold in
 * `environment` alone.
 * @returns 0, 1 where something is refused, 2 where the call is wrong or the SQL cannot be judged.
 */
export function policy({ sql, json = false, fresh = false, ...options }) {
  const { sarif: sarifFile, environment } = options;
  const from = callersDirectory();
  return withCallErrors(async () => {
    refuseContradictions({ json, ...options });
    const isOwn = sql === undefined;
    const place = isOwn ? path.join(PROJECT, "sql") : path.resolve(from, sql);
    const files = readSqlFiles(place, from);
    const withTrial = !options["no-trial"];
    const contract = contractOf(options.contract, from);
    const seeds = isOwn ? undefined : place;
    const { verdict, rules } = await judge(files, { withTrial, fresh, contract, seeds });
    const { findings, trial, limits, refusedFiles } = verdict;
    // What is waived is an object of the project's own; elsewhere its name means something else.
    const judged = refusedFiles > 0 ? [] : judgedRules(rules, withTrial);
    const { stands, waived } = isOwn
      ? standing(findings, judged, { environment: environmentOf(environment) })
      : { stands: findings, waived: [] };
    const refusals = stands.filter(({ level }) => level === "mandatory").length;

    if (json) {
      const names = files.map(({ file }) => file);
      print({ files: names, refusals, findings: stands, waived, trial, limits });
    }
    if (sarifFile !== undefined) writeSarif(sarifFile, sarif(stands, rules, from), from);
    if (!json && sarifFile !== STANDARD_OUTPUT) {
      for (const finding of stands) console.log(describe(finding));
      for (const limit of limits) console.log(`note     ${limit}`);
      const counts = { files: files.length, refusals, waived: waived.length };
      console.log(
        refusedFiles > 0
          ? `${refusedFiles} of ${files.length} files refused: nothing was judged`
          : summary({ ...counts, advice: stands.length - refusals }, trial),
      );
    }
    if (refusedFiles > 0) return 2;
    return refusals > 0 ? 1 : 0;
  });
}

/**
 * Runs what judges SQL.
 * @param {() => Promise<number>} work
 * @returns its exit code; 2 where the call is wrong or there is nothing to judge on.
 */
export async function withCallErrors(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UsageError) && error.code !== NO_SERVER) throw error;
    report(`error: ${error.message}`);
    return 2;
  }
}

/** @param {Record<string, any>} options */
function refuseContradictions({ json, sarif: sarifFile, trial, "no-trial": noTrial }) {
  if (json && sarifFile === STANDARD_OUTPUT) {
    throw new UsageError("--json and --sarif both print to standard output. Give --sarif a file.");
  }
  if (trial && noTrial) throw new UsageError("--trial and --no-trial contradict each other.");
}

/** A preset by its name, or a file from where the user is. */
export function contractOf(contract, from) {
  if (contract === undefined || !/[./\\]/.test(contract)) return contract;
  return path.resolve(from, contract);
}

/** Names of the rules that were judged completely. */
function judgedRules(rules, withTrial) {
  return rules.filter(({ page }) => withTrial || page !== "trial").map(({ name }) => name);
}

export function environmentOf(name) {
  if (name === undefined || ENVIRONMENTS.includes(name)) return name;
  throw new UsageError(`--environment must be one of ${ENVIRONMENTS.join(", ")}; it is "${name}".`);
}

/** Where the user is: npm runs scripts in the project's folder. */
export function callersDirectory() {
  const { npm_lifecycle_event: script = "", INIT_CWD: directory } = process.env;
  return ["policy", "report"].includes(script) && directory ? directory : process.cwd();
}

function print(value) {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

function writeSarif(file, log, from) {
  if (file === STANDARD_OUTPUT) print(log);
  else writeFileSync(path.resolve(from, file), `${JSON.stringify(log, undefined, 2)}\n`);
}

function describe({ level, code, file, line, message, remediation, reproduction }) {
  const place = file === undefined ? "" : `${file}${line === undefined ? "" : `:${line}`}: `;
  const verdict = level === "mandatory" ? "refused" : "advice ";
  // The rows that a script begins with would bury the other findings; --json has all of it.
  const acting = reproduction
    ?.slice(reproduction.indexOf("set local session authorization"))
    .split("\n");
  const shown = acting
    ? `\n         shown by\n${acting
        .slice(0, -2)
        .map((line) => `           ${line}`)
        .join("\n")}`
    : "";
  return `${verdict}  ${code} ${place}${message}\n         ${remediation}${shown}`;
}

function summary({ files, refusals, advice, waived }, trial) {
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
  const attacker = trial
    ? `${count(trial.attempts, "attempt", "attempts")} on ${count(trial.tables, "table", "tables")}`
    : "the attacker was left out";
  return (
    `${count(files, "file", "files")} judged: ${count(refusals, "refusal", "refusals")}, ` +
    `${advice} advice, ${waived} waived; ${attacker}`
  );
}
