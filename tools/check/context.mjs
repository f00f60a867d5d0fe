// What the checks of one stack work on.
import { readdirSync } from "node:fs";
import path from "node:path";
import { connectionArguments } from "../audit/live-schema.mjs";
import { openStack } from "../audit/open-stack.mjs";
import { locateHome } from "../local/home.mjs";
import { STACK } from "../local/pulumi.mjs";
import { PROJECT } from "../prepare.mjs";
import { signerOf } from "./sessions.mjs";

/** The roles that checks log in as. */
const LOGINS = ["migrator", "app", "service", "monitor"];
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
 * @property {Record<string, any>} outputs of the stack; none before its first deployment.
 * @property {string[]} connection How the migrator reaches the database: its arguments.
 * @property {import("./sessions.mjs").Logins} logins
 * @property {import("./sessions.mjs").Sign} [sign] where the stack has tokens.
 */

/**
 * Opens a stack. A login is the URL that the environment has for it, as `npm run env` names them; without one
 * it is at the address that the stack's outputs give, with the secret whose ARN they give.
 * @param {string} [name]
 * @returns {Promise<Context>}
 */
export async function openContext(name = STACK) {
  const { run, read, variables } = await openStack(name);
  // The local stack's; those of another are there already.
  for (const name of [...LOGINS.map(urlVariableOf), ...Object.keys(variables).filter(isOfAws)]) {
    if (variables[name]) process.env[name] = variables[name];
  }
  const outputs = JSON.parse(await read(["stack", "output", "--json"]));
  const config = JSON.parse(await read(["config", "--json"]));
  const settings = config["app-data:migrations"]?.objectValue ?? {};
  const region = config["aws:region"]?.value;
  const { login } = config["app-data:database"]?.objectValue ?? {};
  return {
    stack: { name, isLocal: name === STACK, run, read },
    environment: config["app-data:environment"]?.value,
    directory: settings.directory ?? "sql",
    target: settings.target || undefined,
    approvedPlan: process.env.APPROVED_PLAN || settings.approvedPlan || undefined,
    countersFile: path.join(locateHome().directory, "checks", `${name}.json`),
    wanted: () => wantedIn(settings.directory ?? "sql", settings.target),
    outputs,
    connection: process.env.MIGRATOR_URL
      ? ["--url-variable", "MIGRATOR_URL"]
      : connectionArguments(outputs, { region, login }),
    logins: {
      migrator: loginOf("migrator", outputs, login === "iam" ? { kind: "iam", region } : undefined),
      app: loginOf("app", outputs),
      service: loginOf("service", outputs),
      monitor: loginOf("monitor", outputs),
    },
    sign: await signerOf(outputs, region),
  };
}

/** A setting of every AWS client. */
function isOfAws(variable) {
  return variable.startsWith("AWS_");
}

/** Where the URL of a login is, if anywhere. */
function urlVariableOf(login) {
  return `${login.toUpperCase()}_URL`;
}

/**
 * How to log in: by a URL, or by a secret of the stack.
 * @param {string} login
 * @param {Record<string, any>} outputs of the stack.
 * @param {import("@app-data/migrator").Credentials} [credentials] in place of the secret's.
 * @returns {import("./sessions.mjs").Login}
 */
export function loginOf(login, outputs, credentials) {
  const variable = urlVariableOf(login);
  const secretId = outputs[`${login}SecretArn`];
  if (process.env[variable] || !secretId) return { variable };
  return {
    host: outputs.databaseHost,
    port: Number(outputs.databasePort),
    database: outputs.databaseName,
    user: login,
    credentials: credentials ?? { kind: "secret", secretId },
    tls: { mode: "verify-full", serverName: outputs.databaseAddress },
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
