// Opens the stack that is to be audited: the local one, or one of the backend that Pulumi is logged in to.
import { spawn } from "node:child_process";
import path from "node:path";
import { localStack } from "../local/stack-commands.mjs";
import { STACK } from "../local/pulumi.mjs";
import { PROJECT, prepareEngine } from "../prepare.mjs";

// A role that may do nothing but connect and read the catalog; without one it is the migrator.
const AUDIT_URL = "AUDIT_DATABASE_URL";

/**
 * @typedef {object} OpenStack
 * @property {string} name
 * @property {Record<string, string | undefined>} variables The environment in which it is worked on.
 * @property {string | undefined} urlVariable The variable with the URL of its database; the stack's outputs
 * say where it is when there is none.
 * @property {string} directory Folder of its migrations.
 * @property {(args: string[], more?: Record<string, string>) => Promise<{ code: number, out: string, err: string }>} run
 * Runs the Pulumi CLI on it.
 * @property {(args: string[]) => Promise<string>} read As `run`, for what must succeed; gives its output.
 */

/**
 * @param {string} [name] The local stack when absent.
 * @returns {Promise<OpenStack>}
 */
export async function openStack(name = STACK) {
  const opened = name === STACK ? await localStack() : await remoteStack(name);
  const { command, variables, urlVariable, directory } = opened;
  const run = (args, more = {}) => execute(command, args, { ...variables, ...more });
  const read = async (args) => {
    const { code, out, err } = await run(args);
    if (code === 0) return out;
    throw new Error(`pulumi ${args.join(" ")} failed (${code}):\n${err.trim()}`);
  };
  return { name, variables, urlVariable, directory, run, read };
}

async function remoteStack(name) {
  const engine = await prepareEngine();
  const variables = {
    ...process.env,
    PATH: [...engine.path, process.env.PATH].join(path.delimiter),
    ...engine.environment,
    PULUMI_STACK: name,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_OPTION_POLICY_PACK: engine.policyPack,
  };
  const urlVariable = process.env[AUDIT_URL] ? AUDIT_URL : undefined;
  return { command: engine.pulumi, variables, urlVariable, directory: "sql" };
}

function execute(command, args, env) {
  const child = spawn(command, args, { cwd: PROJECT, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 128, out, err }));
  });
}
