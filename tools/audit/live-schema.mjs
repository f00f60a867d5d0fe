// Reads a live database's catalog and judges it by the rules.
import { execFile } from "node:child_process";
import path from "node:path";
import { standing } from "../policy/standing.mjs";
import { PROJECT } from "../prepare.mjs";

const MIGRATOR = path.join(PROJECT, "migrator/bin/migrator.mjs");
const MOST_OUTPUT = 256 * 1024 * 1024;

/**
 * How the migrator reaches the database of a stack.
 * @param {Record<string, any>} outputs of the stack.
 * @param {{ region: string, login?: string }} settings `login` as in `database.login`; a token is signed for
 * the port that is dialled, so through a forward from another port it opens nothing.
 * @returns its arguments.
 */
export function connectionArguments(outputs, { region, login }) {
  return [
    ...["--host", outputs.databaseHost, "--port", String(outputs.databasePort)],
    ...["--database", outputs.databaseName, "--server-name", outputs.databaseAddress],
    ...(login === "iam" ? ["--iam"] : ["--secret", outputs.migratorSecretArn]),
    ...(region ? ["--region", region] : []),
  ];
}

/**
 * How the migrator reaches the database of an open stack.
 * @param {import("./open-stack.mjs").OpenStack} stack
 * @returns its arguments.
 */
export async function connectionOf(stack) {
  if (stack.urlVariable) return ["--url-variable", stack.urlVariable];
  const outputs = JSON.parse(await stack.read(["stack", "output", "--json"]));
  const region = (await stack.read(["config", "get", "aws:region"])).trim();
  const login = await stack.run(["config", "get", "--path", "database.login"]);
  return connectionArguments(outputs, { region, login: login.out.trim() });
}

/**
 * Attests the catalog.
 * @param {string[]} connection arguments of the migrator.
 * @param {Record<string, string | undefined>} variables environment of the migrator.
 * @throws Error with the migrator's words when the catalog cannot be read.
 */
export function attestLive(connection, variables) {
  return runMigrator(["attest", "--json", ...connection], variables);
}

/**
 * Judges what was attested.
 * @param {Record<string, any>} attestation
 * @param {object} context
 * @param {string} context.environment for waivers.
 * @param {boolean} context.isLowered Whether a release was undone: its waivers are not called unused.
 * @returns {Promise<{ digest: string, serverVersion: string, findings: any[], waived: any[] }>}
 */
export async function judgeAttestation(attestation, { environment, isLowered }) {
  const rules = await import("@app-data/rules");
  await rules.loadParser();
  const findings = rules.judgeSchema(
    rules.parseSchema(attestation.schema),
    undefined,
    rules.projectContract(PROJECT),
  );
  const judged = isLowered ? [] : rules.schemaRules.map(({ name }) => name);
  const { stands, waived } = standing(findings, judged, { environment });
  return {
    digest: attestation.digest,
    serverVersion: attestation.serverVersion,
    findings: stands.map((finding) => ({ level: "mandatory", ...finding })),
    waived,
  };
}

/**
 * Runs a command of the migrator that prints JSON.
 * @param {string[]} args
 * @param {Record<string, string | undefined>} [variables] its environment.
 * @returns {Promise<any>} what it prints.
 * @throws Error with its words when it fails.
 */
export function runMigrator(args, variables = process.env) {
  return new Promise((resolve, reject) => {
    const options = { cwd: PROJECT, env: variables, maxBuffer: MOST_OUTPUT };
    execFile(process.execPath, [MIGRATOR, ...args], options, (error, out, err) => {
      if (!error) return resolve(JSON.parse(out));
      reject(new Error(reasonIn(out) ?? (err.trim() || error.message)));
    });
  });
}

/** With `--json` the migrator says its error as JSON. */
function reasonIn(out) {
  try {
    return JSON.parse(out).error?.message;
  } catch {
    return undefined;
  }
}
