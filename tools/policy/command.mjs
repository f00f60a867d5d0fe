// npm run policy: judges SQL files, without engine, database or network; with --trial, with a database.
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

/**
 * @param options `{ sql, trial, json, sarif, environment }`; `sarif` is a file, or "-" for standard output;
 * waivers for some environments hold in `environment` alone.
 * @returns 0, 1 where something is refused, 2 where the call is wrong or the SQL cannot be read.
 */
export async function policy({ sql, trial: withTrial = false, json = false, ...options }) {
  const { sarif: sarifFile, environment } = options;
  const from = callersDirectory();
  try {
    if (json && sarifFile === STANDARD_OUTPUT) {
      throw new UsageError(
        "--json and --sarif both print to standard output. Give --sarif a file.",
      );
    }
    const place = sql === undefined ? path.join(PROJECT, "sql") : path.resolve(from, sql);
    const files = readSqlFiles(place, from);
    const { findings, rules, trial, unreadable } = await judge(files, { withTrial });
    const isReadable = unreadable === 0;
    // What is waived is an object of the project's own; elsewhere its name means something else.
    const isOwn = sql === undefined;
    const judged = isReadable ? rules.map(({ name }) => name) : [];
    const { stands, waived } = isOwn
      ? standing(findings, judged, { environment: environmentOf(environment) })
      : { stands: findings, waived: [] };
    const refusals = stands.filter(({ level }) => level === "mandatory").length;

    if (json)
      print({ files: files.map(({ file }) => file), refusals, findings: stands, waived, trial });
    if (sarifFile !== undefined) writeSarif(sarifFile, sarif(stands, rules, from), from);
    if (!json && sarifFile !== STANDARD_OUTPUT) {
      for (const finding of stands) console.log(describe(finding));
      console.log(summary(files.length, refusals, stands.length - refusals, waived.length));
    }
    // What was refused stays so, whether or not the rest could be judged.
    if (refusals > unreadable) return 1;
    return isReadable ? 0 : 2;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    report(`error: ${error.message}`);
    return 2;
  }
}

function environmentOf(name) {
  if (name === undefined || ENVIRONMENTS.includes(name)) return name;
  throw new UsageError(`--environment must be one of ${ENVIRONMENTS.join(", ")}; it is "${name}".`);
}

/** Where the user is: npm runs scripts in the project's folder. */
function callersDirectory() {
  const { npm_lifecycle_event: script, INIT_CWD: directory } = process.env;
  return script === "policy" && directory ? directory : process.cwd();
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

function summary(files, refusals, advice, waived) {
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
  return (
    `${count(files, "file", "files")} judged: ${count(refusals, "refusal", "refusals")}, ` +
    `${advice} advice, ${waived} waived`
  );
}
