// Runs the Pulumi CLI on the stack of one home.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";
import { AWS_ENVIRONMENT } from "./aws-client.mjs";
import { commandLine } from "./processes.mjs";

/** Name of the stack, and of the project in `Pulumi.yaml`. */
export const STACK = "local";
const PROJECT_NAME = "app-data";

// What a user has set for another account must not reach the emulator, nor the other way round.
export const FOREIGN_VARIABLES = ["AWS_PROFILE", "AWS_SESSION_TOKEN", "PULUMI_CONFIG_PASSPHRASE"];

/** The environment in which `pulumi`, and every AWS client, works on the stack. */
export function stackEnvironment(home, engine, endpoint) {
  return {
    PATH: [...engine.path, process.env.PATH].join(path.delimiter),
    ...engine.environment,
    PULUMI_BACKEND_URL: `file://${home.state}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: home.passphraseFile,
    PULUMI_STACK: STACK,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // `npm run typecheck` checks the types; doing it again at every run takes most of a preview.
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    // The CLI takes any flag from PULUMI_OPTION_…, so that a plain `pulumi preview` is complete.
    PULUMI_OPTION_CONFIG_FILE: home.configFile,
    PULUMI_OPTION_POLICY_PACK: engine.policyPack,
    ...AWS_ENVIRONMENT,
    AWS_ENDPOINT_URL: endpoint,
  };
}

/** The Pulumi CLI, ready to work on the stack of `home`. */
export class Pulumi {
  #home;
  #engine;
  #environment;

  constructor(home, engine, endpoint) {
    this.#home = home;
    this.#engine = engine;
    const variables = { ...process.env, ...stackEnvironment(home, engine, endpoint) };
    for (const name of FOREIGN_VARIABLES) delete variables[name];
    this.#environment = variables;
  }

  /** The program. */
  get command() {
    return this.#engine.pulumi;
  }

  /** The environment that it runs in. */
  get variables() {
    return { ...this.#environment };
  }

  /** Runs a command whose output the user sees. @returns its exit code. */
  async show(args) {
    const child = this.#spawn(args, "inherit");
    return (await ended(child)).code;
  }

  /** Runs a command and gives its standard output. @throws with its errors when it fails. */
  async read(args, options) {
    const child = this.#spawn(args, ["ignore", "pipe", "pipe"], options);
    const output = { out: "", err: "" };
    child.stdout.on("data", (data) => (output.out += data));
    child.stderr.on("data", (data) => (output.err += data));
    const { code } = await ended(child);
    if (code !== 0)
      throw new Error(`pulumi ${args.join(" ")} failed (${code}):\n${output.err.trim()}`);
    return output.out;
  }

  /** Makes the stack, unless it is there. */
  async ensureStack() {
    if (this.#stackFile() !== undefined) return;
    // Making a stack writes the salt of its secrets beside Pulumi.yaml: so not into the project.
    const project = path.join(this.#home.directory, "Pulumi.yaml");
    writeFileSync(project, `name: ${PROJECT_NAME}\nruntime: nodejs\n`);
    await this.read(["stack", "init", STACK], { cwd: this.#home.directory });
  }

  /** Whether the state has resources. Read from the file: it is asked before anything runs. */
  hasResources() {
    const file = this.#stackFile();
    const state = file && JSON.parse(readFileSync(file, "utf8"));
    return (state?.checkpoint?.latest?.resources ?? []).length > 0;
  }

  /**
   * Frees the stack from the lock of a run that was killed.
   * @throws when another run is at work.
   */
  async dropDeadLock() {
    const folder = path.join(this.#home.state, ".pulumi/locks/organization", PROJECT_NAME, STACK);
    if (!existsSync(folder)) return;
    const locks = readdirSync(folder).map((file) => path.join(folder, file));
    for (const lock of locks) {
      const { pid, hostname: host } = JSON.parse(readFileSync(lock, "utf8"));
      if (host === hostname() && !commandLine(pid)?.includes("pulumi")) continue;
      throw new Error(
        `Another run is at work on this stack (process ${pid} on ${host}). Wait for it to end, or end it.`,
      );
    }
    if (locks.length > 0) await this.read(["cancel", "--yes", STACK]);
  }

  #stackFile() {
    const file = path.join(this.#home.state, `.pulumi/stacks/${PROJECT_NAME}/${STACK}.json`);
    return existsSync(file) ? file : undefined;
  }

  #spawn(args, stdio, { cwd = PROJECT } = {}) {
    return spawn(this.#engine.pulumi, args, { cwd, stdio, env: this.#environment });
  }
}

/**
 * Waits for a child's end. A Ctrl-C in a terminal reaches the child by itself: it stops what it does in
 * good order, and this process waits for that. Without a terminal the signal is handed on.
 */
function ended(child) {
  const forward = (signal) => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM"];
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? 128, signal }));
  }).finally(() => {
    for (const signal of signals) process.removeListener(signal, forward);
  });
}
