// Runs the Pulumi CLI on the stack of one home.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";
import { AWS_ENVIRONMENT } from "./aws-client.mjs";
import { report } from "../report.mjs";
import { endProcess, environmentOf, isRunning, listProcesses } from "./processes.mjs";

/** Name of the stack, and of the project in `Pulumi.yaml`. */
export const STACK = "local";
export const PROJECT_NAME = "app-data";
const CLI = /(?:^|\/)pulumi(?: |$)/;
/** What the CLI starts: plugins, the language host, and through it the program, the pack and the provider. */
const STARTED_BY_CLI = /pulumi-(?:resource|language|analyzer)-|@pulumi\/pulumi\//;

/**
 * The variables that a user has set for another account: they must not reach the emulator, nor the other way
 * round.
 */
export function foreignVariables() {
  const ofAws = Object.keys(process.env).filter((name) => name.startsWith("AWS_"));
  return [...ofAws, "PULUMI_CONFIG_PASSPHRASE"];
}

/** The environment in which `pulumi`, and every AWS client, works on the stack. */
export function stackEnvironment(home, engine, endpoint) {
  return {
    PATH: [...engine.path, process.env.PATH].join(path.delimiter),
    ...engine.environment,
    PULUMI_BACKEND_URL: `file://${home.state}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: home.passphraseFile,
    PULUMI_STACK: STACK,
    PULUMI_SKIP_UPDATE_CHECK: "true",
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
    const own = { ...process.env };
    for (const name of foreignVariables()) delete own[name];
    this.#environment = { ...own, ...stackEnvironment(home, engine, endpoint) };
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

  /**
   * As {@link show}, and gives the errors that it tells, too.
   * @returns `{ code, errors }`, each error with `urn`, where a resource has it, and `message`.
   */
  async follow(args) {
    const log = path.join(this.#home.directory, "events.jsonl");
    rmSync(log, { force: true });
    try {
      // The flag is among those for debugging. Pulumi's own automation API reads the events in this way.
      const options = { env: { ...this.#environment, PULUMI_DEBUG_COMMANDS: "true" } };
      // One failure must not hide the others, which tell what else is lost.
      const flags = ["--continue-on-error", "--event-log", log];
      const child = this.#spawn([...args, ...flags], "inherit", options);
      const { code } = await ended(child);
      // A CLI that is killed may leave the last line unfinished.
      const events = existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : [];
      const diagnostics = events.map((event) => JSON.parse(event).diagnosticEvent);
      return { code, errors: diagnostics.filter((each) => each?.severity === "error") };
    } finally {
      rmSync(log, { force: true });
    }
  }

  /** Runs a command and gives its standard output. @throws with its errors when it fails. */
  async read(args, options) {
    const child = this.#spawn(args, ["ignore", "pipe", "pipe"], options);
    const output = { out: "", err: "" };
    child.stdout.on("data", (data) => (output.out += data));
    child.stderr.on("data", (data) => (output.err += data));
    const { code } = await ended(child);
    if (code !== 0) {
      const reason = output.err.trim() || "It was interrupted; run this again.";
      throw new Error(`pulumi ${args[0]} failed (${code}):\n${reason}`);
    }
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

  /**
   * What the state holds. Read from its file, so that it can be asked before anything runs.
   * @returns `{ resources, pending, outputs, isBroken }`: resources, and operations that a run was cut off
   * in, each with `urn`, `type` and `inputs`; what the program exports; whether it cannot be read.
   */
  readState() {
    const file = this.#stackFile();
    const state = file && parsed(file);
    const { resources = [], pending_operations: pending = [] } = state?.checkpoint?.latest ?? {};
    const { outputs = {} } = resources.find(({ type }) => type === "pulumi:pulumi:Stack") ?? {};
    const isBroken = file !== undefined && state === undefined;
    return { resources, pending: pending.map((each) => each.resource), outputs, isBroken };
  }

  /** Lays the state aside, for a stack that is begun anew. @returns the folder that it is in. */
  layStateAside() {
    const aside = `${this.#home.state}.old`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(this.#home.state, aside);
    rmSync(this.#home.configFile, { force: true });
    return aside;
  }

  /**
   * Looks whether another run is at work on the stack, by its lock.
   * @throws Error when there is one, with its process and its age, and how to end it.
   */
  refuseBeside() {
    for (const { file, pid, host, since, isLive } of this.#readLocks()) {
      if (!isLive) continue;
      throw new Error(
        `Another run is at work on this stack (process ${pid} on ${host}, since ${since} min). ` +
          "Wait for it to end and run this again" +
          (host === hostname()
            ? `, or end it: kill -INT ${pid}`
            : `. Where that machine is gone, lift its lock: rm ${file}`),
      );
    }
  }

  /** Ends what a killed run has left: its plugins, and its lock. */
  async clearAway() {
    await this.#endOrphans();
    for (const { pid, since } of this.#readLocks()) {
      report(`State: lifting the lock of a run that was killed (process ${pid}, ${since} min ago)`);
    }
    // With what a full disk has left of a lock, which Pulumi does not clear away.
    rmSync(this.#lockFolder, { recursive: true, force: true });
  }

  /** Ends whatever is at work on the stack. */
  endAll() {
    return endProcesses(findPulumiProcesses(this.#home));
  }

  /** The locks of runs on the stack; one of another machine counts as that of a living run. */
  #readLocks() {
    const folder = this.#lockFolder;
    if (!existsSync(folder)) return [];
    // Beside each lock the backend keeps a file of attributes.
    const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
    return names.flatMap((name) => {
      const file = path.join(folder, name);
      const lock = parsed(file);
      if (!lock) return [];
      const { pid, hostname: host, timestamp } = lock;
      const since = Math.round((Date.now() - Date.parse(timestamp)) / 60_000);
      const isLive = host !== hostname() || isRunning(pid, "pulumi");
      return [{ file, pid, host, since, isLive }];
    });
  }

  get #lockFolder() {
    return path.join(this.#home.state, ".pulumi/locks/organization", PROJECT_NAME, STACK);
  }

  /** Plugins, program and pack outlive a CLI that was killed. */
  async #endOrphans() {
    const orphans = findPulumiProcesses(this.#home).filter(({ isLed }) => !isLed);
    await endProcesses(orphans);
    if (orphans.length > 0) {
      report(`Pulumi: ended ${orphans.length} processes that a killed run has left`);
    }
  }

  #stackFile() {
    const file = path.join(this.#home.state, `.pulumi/stacks/${PROJECT_NAME}/${STACK}.json`);
    return existsSync(file) ? file : undefined;
  }

  #spawn(args, stdio, { cwd = PROJECT, env = this.#environment } = {}) {
    // In a session of its own: signals reach it through this process alone.
    const options = { cwd, stdio, env, detached: true };
    return spawn(this.#engine.pulumi, args, options);
  }
}

function endProcesses(processes) {
  return Promise.all(processes.map(({ pid }) => endProcess(pid, "pulumi", { seconds: 5 })));
}

/** The JSON in a file, or undefined where it is cut short: a disk was full, or the machine went down. */
function parsed(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * The processes at work on the stack, known by the environment that the CLI runs in and hands on.
 * @returns `[{ pid, parent, command, isLed }]`; `isLed` says that it is a living CLI, or was started by one.
 */
export function findPulumiProcesses(home) {
  const all = new Map(listProcesses().map((each) => [each.pid, each]));
  const isLed = (each) =>
    each !== undefined && (CLI.test(each.command) || isLed(all.get(each.parent)));
  const backend = ` PULUMI_BACKEND_URL=file://${home.state} `;
  return [...all.values()]
    .filter(({ command }) => CLI.test(command) || STARTED_BY_CLI.test(command))
    .filter(({ pid }) => ` ${environmentOf(pid)} `.includes(backend))
    .map((each) => ({ ...each, isLed: isLed(each) }));
}

/**
 * Waits for a child's end. Ctrl-C, a request to end and a terminal that closes are handed on as Ctrl-C: at the
 * first the CLI finishes what it is doing, at the second it stops at once.
 */
function ended(child) {
  const forward = () => child.kill("SIGINT");
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? 128, signal }));
  }).finally(() => {
    for (const signal of signals) process.removeListener(signal, forward);
  });
}
