// What the checks of one stack work on.
import { readdirSync } from "node:fs";
import path from "node:path";
import { openStack } from "../audit/open-stack.mjs";
import { locateHome } from "../local/home.mjs";
import { STACK } from "../local/pulumi.mjs";
import { PROJECT } from "../prepare.mjs";

/** The logins, as `npm run env` names them. */
const URLS = ["MIGRATOR_URL", "APP_URL", "MONITOR_URL"];
const FORWARD = /^\d+_(?!.*_(?:rollback|verify)\.sql$).+\.sql$/;

/**
 * @typedef {object} Context
 * @property {{ name: string, isLocal: boolean,
 *   run: (args: string[]) => Promise<{ code: number, out: string, err: string }>,
 *   read: (args: string[]) => Promise<string> }} stack
 * @property {string} environment
 * @property {string} directory Folder of the migrations, from the project's.
 * @property {string | undefined} target The version that the stack is to have; the newest when undefined.
 * @property {string | undefined} approvedPlan
 * @property {string} countersFile Where `check:before` keeps what `check:after` compares with.
 * @property {() => string[]} wanted Names of the migrations that are to be applied, in order.
 * @property {() => Promise<Record<string, string>>} readOutputs
 */

/**
 * Opens a stack. The URLs of its logins are in the environment then: of the local stack its own, of another
 * those that the caller has set.
 * @param {string} [name]
 * @returns {Promise<Context>}
 */
export async function openContext(name = STACK) {
  const { run, read, variables } = await openStack(name);
  for (const variable of URLS) {
    if (variables[variable]) process.env[variable] = variables[variable];
  }
  const config = JSON.parse(await read(["config", "--json"]));
  const settings = config["app-data:migrations"]?.objectValue ?? {};
  const valueOf = (key) => config[`app-data:migrations.${key}`]?.value ?? settings[key];
  return {
    stack: { name, isLocal: name === STACK, run, read },
    environment: config["app-data:environment"]?.value,
    directory: valueOf("directory") ?? "sql",
    target: valueOf("target") || undefined,
    approvedPlan: process.env.APPROVED_PLAN || valueOf("approvedPlan") || undefined,
    countersFile: path.join(locateHome().directory, "checks", `${name}.json`),
    wanted: () => wantedIn(valueOf("directory") ?? "sql", valueOf("target")),
    readOutputs: async () => JSON.parse(await read(["stack", "output", "--json"])),
  };
}

/**
 * The names of the migrations of a folder, up to a version.
 * @param {string} directory from the project's.
 * @param {string} [target]
 */
export function wantedIn(directory, target) {
  const isWanted = (name) => !target || BigInt(name.split("_")[0]) <= BigInt(target);
  return readdirSync(path.resolve(PROJECT, directory))
    .filter((file) => FORWARD.test(file))
    .map((file) => file.slice(0, -".sql".length))
    .filter(isWanted)
    .sort();
}
