// The commands that work on the local stack.
import { spawn } from "node:child_process";
import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { withFolderLock } from "../lock.mjs";
import { PROJECT, prepare } from "../prepare.mjs";
import { report, seconds, step } from "../report.mjs";
import { clientVariables } from "./client-variables.mjs";
import { locateHome, makeHome, writeConfig } from "./home.mjs";
import { PROJECT_NAME, Pulumi, STACK, foreignVariables, stackEnvironment } from "./pulumi.mjs";
import {
  findCutOff,
  findLoss,
  findStrays,
  findUnknown,
  forgetLost,
  letGo,
  RENEWAL,
} from "./recovery.mjs";
import { findServers, masterUrl, removeServers, startServers, stopServers } from "./servers.mjs";
import { loginUrls } from "./urls.mjs";

/** Bytes that a run needs for its state, at the least. */
const LEAST_ROOM = 5 * 1024 ** 2;

/**
 * Brings the stack up, whatever a run before has left of it.
 * @param {{ "renew-emulator"?: boolean }} options
 * @param {string[]} flags of Pulumi's own.
 */
export function up({ "renew-emulator": renew = false }, flags = []) {
  return inHome(async (home) => {
    const files = offline(home);
    const before = files.readState().outputs;
    const loss = findLoss(home, files) ?? (renew ? RENEWAL : findCutOff(files));
    let run = await bringUp(home, loss, flags);
    const unknown = findUnknown(run.errors);
    if (unknown) run = await bringUp(home, unknown, flags);
    const { pulumi, servers, code } = run;
    if (code !== 0) {
      report(`\nThe stack is not up yet.${ofRoom(home)} Go on with: npm run up`);
      return code;
    }
    const { outputs } = pulumi.readState();
    summarise(home, outputs, servers);
    if (outputs.catalogDigest !== before.catalogDigest) await updateTypes(outputs, servers);
    return 0;
  });
}

/** One try: lets go of what is lost, and has Pulumi make what is missing. */
async function bringUp(home, loss, flags) {
  const files = offline(home);
  files.refuseBeside();
  const { resources, pending } = files.readState();
  const isFinished = pending.length === 0 && !existsSync(home.unfinishedFile);
  const isFit = !loss && isFinished && resources.length > 0;
  makeHome(home);
  writeFileSync(home.unfinishedFile, loss?.part ?? "");
  await letGo(home, files, loss);
  const { pulumi, servers } = await ready(home);
  // Nobody is asked, so a preview would only double the time; what policies refuse is not made.
  const args = ["up", "--yes", "--skip-preview", ...flags];
  const { code, errors } = isFit
    ? { code: await pulumi.show(args), errors: [] }
    : await takeUp(home, pulumi, servers, loss, args);
  if (code === 0) rmSync(home.unfinishedFile);
  return { pulumi, servers, code, errors };
}

/** Has Pulumi go on where the last run ended too soon, with what there is by now. */
async function takeUp(home, pulumi, { postgres }, loss, args) {
  await forgetLost(pulumi, loss);
  writeFileSync(home.unfinishedFile, "");
  const strays = await findStrays(pulumi, postgres);
  if (strays.length > 0) report(`Database: taking over what is there: ${strays.join(", ")}`);
  writeConfig(home, postgres, strays);
  return pulumi.follow(args);
}

/**
 * Does migrations again on the stack's database, and brings its state in step.
 * @param {{ "allow-data-loss"?: boolean }} options
 * @param {string[]} versions of the lowest one, or nothing for the newest.
 */
export async function redo({ "allow-data-loss": allowDataLoss = false }, versions) {
  const { variables, directory } = await localStack();
  const args = ["redo", ...versions, "--environment", STACK, "--directory", directory];
  if (allowDataLoss) args.push("--allow-data-loss");
  const code = await runNode("migrator/bin/migrator.mjs", args, variables);
  return code === 0 ? up({}) : code;
}

/**
 * Shows what `up` would change.
 * @param {object} _options
 * @param {string[]} flags of Pulumi's own.
 */
export function preview(_options, flags) {
  return inHome(async (home) => (await whole(home)).pulumi.show(["preview", ...flags]));
}

/**
 * Compares the state with what is there.
 * @param {object} _options
 * @param {string[]} flags of Pulumi's own.
 */
export function refresh(_options, flags) {
  return inHome(async (home) => (await whole(home)).pulumi.show(["refresh", "--yes", ...flags]));
}

/** Destroys the stack and stops the servers. */
export function down({ purge = false }) {
  return inHome(async (home) => {
    if (purge) {
      await offline(home).endAll();
      await removeServers(home);
      rmSync(home.directory, { recursive: true, force: true });
      report(`Forgotten: servers, database, state and passphrase (${relative(home.directory)}).`);
      return 0;
    }
    if (hasResources(home)) {
      const { pulumi } = await whole(home, "forget it all with: npm run down -- --purge");
      const code = await pulumi.show(["destroy", "--yes", "--skip-preview"]);
      if (code !== 0) {
        report(
          "\nNot everything is gone, and the servers still run. To forget it all without asking AWS: " +
            "npm run down -- --purge",
        );
        return code;
      }
    }
    const { length } = offline(home).readState().resources;
    if (length > 0) {
      report(`\nIt was interrupted: ${length} resources are left. Go on with: npm run down`);
      return 1;
    }
    await stopServers(home);
    report(
      "The stack is down; no server of it runs. `npm run down -- --purge` deletes its state, too.",
    );
    return 0;
  });
}

/** Says what runs and what is deployed. */
export async function status({ json = false }) {
  const home = locateHome();
  const { emulator, postgres } = findServers(home);
  const loss = findLoss(home, offline(home));
  const deployed = hasResources(home);
  if (json) {
    const postgresFacts = postgres && {
      host: postgres.host,
      port: postgres.port,
      pid: postgres.pid,
    };
    const facts = { home: home.directory, deployed, emulator: emulator ?? null };
    console.log(JSON.stringify({ ...facts, postgres: postgresFacts ?? null }, null, 2));
    return 0;
  }
  const line = (name, server, address) =>
    console.log(
      `${name.padEnd(14)}${server ? `${address} (process ${server.pid})` : "not running"}`,
    );
  line("AWS emulator", emulator, emulator?.endpoint);
  line("PostgreSQL", postgres, postgres && `${postgres.host}:${postgres.port}`);
  console.log(`${"Stack".padEnd(14)}${deployed ? "deployed" : "not deployed"}`);
  console.log(`${"Files".padEnd(14)}${relative(home.directory)}`);
  if (loss) console.log(`\n${loss.cause} Go on without it: npm run up`);
  return 0;
}

/** Prints shell exports. */
export async function env() {
  const home = locateHome();
  const servers = findServers(home);
  if (!servers.emulator || !servers.postgres) {
    throw new Error(
      "The stack is not up. Run `npm run up` first; `npm run status` shows what runs.",
    );
  }
  const { engine } = await prepare();
  const { endpoint } = servers.emulator;
  const pulumi = new Pulumi(home, engine, endpoint);
  const { outputs } = pulumi.readState();
  const variables = {
    ...stackEnvironment(home, engine, endpoint),
    PATH: `${engine.path.join(path.delimiter)}${path.delimiter}`,
    MASTER_URL: masterUrl(home, servers.postgres),
    ...(await loginUrls(outputs, endpoint)),
    ...clientVariables(outputs),
  };
  console.log(`unset ${foreignVariables().join(" ")}`);
  for (const [name, value] of Object.entries(variables)) {
    const rest = name === "PATH" ? '"$PATH"' : "";
    console.log(`export ${name}=${quote(value)}${rest}`);
  }
  return 0;
}

/** The CLI, and the environment in which it and the migrator work on the stack that is up. */
export async function localStack() {
  const home = locateHome();
  if (!hasResources(home)) throw new Error("The stack is not up. Run `npm run up` first.");
  const { pulumi, servers } = await inHome(() => whole(home));
  const { outputs } = pulumi.readState();
  const urls = await loginUrls(outputs, servers.emulator.endpoint);
  const variables = { ...pulumi.variables, ...urls, ...clientVariables(outputs) };
  const config = JSON.parse(await pulumi.read(["config", "--json"]));
  const directory = config[`${PROJECT_NAME}:migrations`]?.objectValue?.directory ?? "sql";
  return { command: pulumi.command, variables, urlVariable: "MIGRATOR_URL", directory };
}

/** Runs a command on the home's files while no other does. */
function inHome(command) {
  const home = locateHome();
  return withFolderLock(home.directory, () => command(home));
}

/** As {@link ready}, for commands that go on only where nothing is lost. */
async function whole(home, otherwise = "go on without it: npm run up") {
  const files = offline(home);
  files.refuseBeside();
  const loss = findLoss(home, files);
  if (loss) throw new Error(`${loss.cause} To ${otherwise}`);
  return ready(home);
}

/** Machine prepared, servers running, stack there and unlocked. */
async function ready(home) {
  makeHome(home);
  const { engine, python } = await prepare();
  const running = findServers(home);
  const start = () => startServers(home, python);
  const bothRun = running.emulator && running.postgres;
  const servers = bothRun ? await start() : await step("Servers: AWS emulator, PostgreSQL", start);
  writeConfig(home, servers.postgres);
  const pulumi = new Pulumi(home, engine, servers.emulator.endpoint);
  await pulumi.ensureStack();
  await pulumi.clearAway();
  return { pulumi, servers };
}

/** The stack's files alone, for questions that need no engine. */
function offline(home) {
  return new Pulumi(home, { path: [], environment: {} }, "");
}

/** Whether the state has resources; one that cannot be read may have. */
function hasResources(home) {
  const { resources, isBroken } = offline(home).readState();
  return isBroken || resources.length > 0;
}

function summarise(home, deployed, { emulator, postgres }) {
  const { exportsBucket, apiKeysKeyArn, migrations, databaseName } = deployed;
  const lines = [
    "",
    `The stack "${STACK}" is up (${seconds()} s).`,
    `  database       ${databaseName} at ${postgres.host}:${postgres.port}, migrations ${migrations.join(", ")}`,
    `  exports        s3://${exportsBucket}`,
    `  API keys       ${apiKeysKeyArn}`,
    `  AWS emulator   ${emulator.endpoint}`,
    `  files          ${relative(home.directory)}`,
    'Look at it:      eval "$(npm run --silent env)", then psql "$APP_URL", pulumi stack, any AWS client',
    "Take it down:    npm run down",
  ];
  console.log(lines.join("\n"));
}

/** Keeps the generated types in step with the migrations; that they are not is no failure of `up`. */
async function updateTypes(deployed, { emulator }) {
  const { MIGRATOR_URL } = await loginUrls(deployed, emulator.endpoint);
  const variables = { ...process.env, MIGRATOR_URL };
  const code = await runNode("types/dist/main.mjs", ["--if-stale"], variables, "ignore");
  if (code !== 0) report("The generated types (src/types) were left as they are, see above.");
}

/**
 * Runs a program of the project; its errors are shown.
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {"inherit" | "ignore"} [output]
 * @returns {Promise<unknown>} its exit code, or why it did not start.
 */
function runNode(program, args, env, output = "inherit") {
  const child = spawn(process.execPath, [path.join(PROJECT, program), ...args], {
    cwd: PROJECT,
    stdio: ["ignore", output, "inherit"],
    env,
  });
  return new Promise((resolve) => child.once("error", resolve).once("close", resolve));
}

/** A full disk breaks the CLI with a stack trace that does not say so. */
function ofRoom(home) {
  const { bavail, bsize } = statfsSync(home.directory);
  return bavail * bsize < LEAST_ROOM
    ? ` There is no room left for ${home.directory}: make some.`
    : "";
}

function relative(file) {
  const from = path.relative(PROJECT, file);
  return from.startsWith("..") ? file : from;
}

/** A value as one word of a shell. */
function quote(value) {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
