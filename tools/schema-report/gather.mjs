// What the report shows: of SQL files on a throw-away server, or of a running stack.
import path from "node:path";
import { attestLive, connectionOf, judgeAttestation, runMigrator } from "../audit/live-schema.mjs";
import { openStack } from "../audit/open-stack.mjs";
import { judge } from "../policy/judge.mjs";
import { readSqlFiles, UsageError } from "../policy/sql-files.mjs";
import { standing } from "../policy/standing.mjs";
import { PROJECT } from "../prepare.mjs";
import { matrixOf } from "./matrix.mjs";

/**
 * The report of SQL files.
 * @param {string} place folder or file, an absolute path.
 * @param {{ contract?: string, environment?: string, fresh?: boolean, from: string }} options as `npm run policy` has them;
 * file names are relative to `from`.
 * @throws UsageError where the files cannot be applied.
 */
export async function reportOfFiles(place, { contract, environment, fresh = false, from }) {
  const isOwn = place === path.join(PROJECT, "sql");
  const files = readSqlFiles(place, from);
  const seeds = isOwn ? undefined : place;
  const judged = await judge(files, { withTrial: true, fresh, contract, seeds });
  const { verdict } = judged;
  if (!verdict.schema) {
    const refusals = verdict.findings.map(
      ({ file, line, message }) => `${file}:${line}: ${message}`,
    );
    throw new UsageError(
      `There is nothing to report on before every file can be run:\n${refusals.join("\n")}`,
    );
  }
  const names = judged.rules.map(({ name }) => name);
  const { stands, waived } = isOwn
    ? standing(verdict.findings, names, { environment })
    : { stands: verdict.findings, waived: [] };
  const source = path.relative(from, place) || path.basename(place);
  return {
    ...(await shape(withoutServersOwn(verdict.schema), judged.contract, verdict)),
    source: source.split(path.sep).join("/"),
    findings: stands,
    waived,
    files: await withHazards(place, files),
  };
}

/**
 * The report of a running stack: what its database holds, and the attempts that the trial makes on a throw-away
 * server with the same migrations.
 * @param {string | undefined} name the local one when absent.
 * @param {{ fresh?: boolean }} options
 */
export async function reportOfStack(name, { fresh = false } = {}) {
  const stack = await openStack(name);
  const environment = (await stack.read(["config", "get", "environment"])).trim();
  const connection = await connectionOf(stack);
  const attestation = await attestLive(connection, stack.variables);
  const { history } = await runMigrator(["log", "--json", ...connection], stack.variables);
  const files = readSqlFiles(path.resolve(PROJECT, stack.directory), PROJECT);
  const { verdict, contract } = await judge(files, { withTrial: true, fresh });
  const live = await judgeAttestation(attestation, { environment, isLowered: true });
  // What is wrong with the waivers themselves is said once, beside the live findings.
  const isOfTrial = ({ rule }) => rule.startsWith("trial-");
  const ofTrial = standing(verdict.findings.filter(isOfTrial), [], { environment });
  return {
    ...(await shape(attestation.schema, contract, verdict)),
    source: `stack ${stack.name} (${environment})`,
    digest: attestation.digest,
    serverVersion: attestation.serverVersion,
    rows: await rowsOf(attestation),
    drift: attestation.drift,
    findings: [...live.findings, ...ofTrial.stands.filter(isOfTrial)],
    waived: [...live.waived, ...ofTrial.waived],
    history,
  };
}

async function shape(schema, contract, { trial, attacks }) {
  const rules = await import("@app-data/rules");
  await rules.loadParser();
  return {
    takenAt: new Date().toISOString(),
    schema,
    matrix: matrixOf(schema, { contract, rules, shown: attacks?.shown }),
    attacked: attacks?.tried,
    trial,
  };
}

/** The estimates of rows, by names without quotes. */
async function rowsOf({ schema, rows }) {
  const { quoteName } = await import("@app-data/rules");
  return Object.fromEntries(
    schema.tables.map((table) => [`${table.schema}.${table.name}`, rows[quoteName(table)] ?? null]),
  );
}

/** The superuser of a throw-away server is no role of the migrations. */
function withoutServersOwn(schema) {
  return { ...schema, roles: (schema.roles ?? []).filter(({ superuser }) => !superuser) };
}

/** The hazards of each file, where the folder holds trios. */
async function withHazards(place, files) {
  const names = files.map(({ file }) => ({ name: path.posix.basename(file, ".sql") }));
  try {
    const { migrations } = await runMigrator(["plan", "--files", "--json", "--directory", place]);
    const hazards = new Map(migrations.map((one) => [one.name, one.hazards]));
    return names.map(({ name }) => ({ name, hazards: hazards.get(name) }));
  } catch {
    return names;
  }
}
