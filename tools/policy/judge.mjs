// Judges SQL files by the rules, and by the trial where that is asked for.
import { createRequire } from "node:module";
import path from "node:path";
import { compileWorkspaces, PROJECT } from "../prepare.mjs";
import { report } from "../report.mjs";
import { judgeMade, readSchema } from "./made-schema.mjs";
import { readSqlFiles } from "./sql-files.mjs";

const load = createRequire(import.meta.url);

/** What the application's own migrations stand on; other folders may leave it out. */
const BASE = "000_existing_schema.sql";

/**
 * @param files as `readSqlFiles` gives them.
 * @returns `{ findings, rules, trial, unreadable }`: what is wrong, every rule that was judged, as
 * `{ name, code, description, remediation, page }`, `{ tables, attempts, seconds }` of the trial if there
 * was one, and how many findings say that PostgreSQL's parser could not read a file or, in a trial, the server
 * not run it.
 */
export async function judge(files, { withTrial }) {
  await compileWorkspaces();
  const rules = load(path.join(PROJECT, "rules/dist/index.js"));
  const known = [
    READABLE,
    ...rules.schemaRules.map((rule) => ({ ...rule, page: rule.name })),
    PROVABLE,
    ...WAIVERS,
  ];
  let schema;
  try {
    schema = await rules.readSqlSchema(files);
  } catch (error) {
    if (!(error instanceof rules.SqlSyntaxError)) throw error;
    return { findings: [unreadable(error)], rules: known, unreadable: 1 };
  }
  let made;
  // Rules are judged while the server of the trial is being made.
  const trying = withTrial
    ? tryFiles(files, async (client) => {
        made = await readSchema(client);
      })
    : undefined;
  const findings = [...rules.judgeSchema(schema), ...schema.notProvable.map(notProvable)].map(
    (finding) => ({ level: "mandatory", ...finding }),
  );
  const trial = await trying;
  if (!trial) return { findings, rules: known, unreadable: 0 };
  return {
    findings: [...findings, ...(made ? judgeMade(made, findings) : []), ...trial.findings],
    rules: [...known, ...rules.trialRules.map((rule) => ({ ...rule, page: "trial" }))],
    trial: { tables: trial.tables, attempts: trial.attempts, seconds: trial.seconds },
    unreadable: trial.findings.filter(({ rule }) => rule === "trial-applied").length,
  };
}

async function tryFiles(files, onApplied) {
  const { withTrialServer } = await import("./trial-server.mjs");
  const begin = Date.now();
  report("Trial: building the schema in a throw-away PostgreSQL …");
  const base = readSqlFiles(path.join(PROJECT, "sql", BASE), PROJECT);
  const trial = await withTrialServer((server) => {
    const { tryMigrations } = load(path.join(PROJECT, "trial/dist/index.js"));
    return tryMigrations(server, files, { base, onApplied });
  });
  const seconds = (Date.now() - begin) / 1000;
  report(`  ${trial.attempts} attempts on ${trial.tables} tables in ${seconds.toFixed(1)} s`);
  return { ...trial, seconds };
}

const READABLE = {
  name: "migration-readable",
  code: "POL001",
  description: "PostgreSQL's parser can read the SQL of every migration.",
  remediation: "Correct the statement at the line and column that the message gives.",
  page: "migration-readable",
};

const PROVABLE = {
  name: "migration-provable",
  code: "POL102",
  level: "advisory",
  description: "What a migration does to tables can be read off its SQL.",
  remediation: "Write the statements out instead of putting them together at run time.",
  page: "migration-provable",
};

const WAIVERS = [
  { code: "POL170", description: "No waiver has expired." },
  { code: "POL171", description: "Every waiver is needed." },
  { code: "POL172", description: "Every waiver is exact." },
  { code: "POL178", description: "Nothing waives what can not be waived." },
].map((rule) => ({
  ...rule,
  name: "waivers",
  remediation: "Correct, renew or remove the waiver in policy/waivers.json.",
  page: "waivers",
}));

function unreadable({ file, line, column, reason }) {
  return {
    rule: READABLE.name,
    code: READABLE.code,
    level: "mandatory",
    object: file,
    file,
    line,
    message: `column ${column}: ${reason}`,
    remediation: READABLE.remediation,
  };
}

function notProvable({ file, line, object, reason }) {
  return {
    rule: PROVABLE.name,
    code: PROVABLE.code,
    level: "advisory",
    object,
    file,
    line,
    message: `${object} can not be judged from its text: ${reason}`,
    remediation: PROVABLE.remediation,
  };
}
