// The commands that work on the local stack.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { PROJECT, prepare } from "../prepare.mjs";
import { report, seconds, step } from "../report.mjs";
import { locateHome, makeHome, writeConfig } from "./home.mjs";
import { FOREIGN_VARIABLES, Pulumi, STACK, stackEnvironment } from "./pulumi.mjs";
import {
  endEmulator,
  findServers,
  masterUrl,
  removeServers,
  startServers,
  stopServers,
} from "./servers.mjs";
import { loginUrls } from "./urls.mjs";

const INTERRUPTED =
  "Stopped half-way. `npm run up` goes on from here; `npm run down` takes it down. Where AWS says that " +
  "something exists already, an answer of the emulator was lost: `npm run up -- --renew-emulator` makes the " +
  "AWS resources again and keeps the database.";
const EMULATOR_GONE =
  "The AWS emulator that this stack was made on has ended, and its state with it. " +
  "Run `npm run up -- --renew-emulator`: it makes the AWS resources again and keeps the database.";

/** Brings the stack up. */
export async function up({ "renew-emulator": renew = false }) {
  const home = locateHome();
  if (renew) await endEmulator(home);
  const { pulumi, servers } = await ready(home, { renew });
  if (renew) await forgetAws(pulumi);
  // Nobody is asked, so a preview would only double the time; what policies refuse is not made.
  const code = await pulumi.show(["up", "--yes", "--skip-preview"]);
  if (code !== 0) {
    report(`\n${INTERRUPTED}`);
    return code;
  }
  const deployed = await outputs(pulumi);
  summarise(home, deployed, servers);
  await updateTypes(deployed, servers);
  return 0;
}

/** Shows what `up` would change. */
export async function preview() {
  const { pulumi } = await ready(locateHome());
  return pulumi.show(["preview"]);
}

/** Compares the state with what is there. */
export async function refresh() {
  const { pulumi } = await ready(locateHome());
  return pulumi.show(["refresh", "--yes"]);
}

/** Destroys the stack and stops the servers. */
export async function down({ purge = false }) {
  const home = locateHome();
  if (purge) {
    await removeServers(home);
    rmSync(home.directory, { recursive: true, force: true });
    report(`Forgotten: servers, database, state and passphrase (${relative(home.directory)}).`);
    return 0;
  }
  const pulumi = offline(home);
  if (pulumi.hasResources()) {
    const { pulumi } = await ready(home, {
      hint: "`npm run down -- --purge` forgets it all without asking AWS.",
    });
    const code = await pulumi.show(["destroy", "--yes", "--skip-preview"]);
    if (code !== 0) {
      report(
        "\nNot everything is gone, and the servers still run. Try again once the cause above is dealt with,",
      );
      report("or forget everything at once: `npm run down -- --purge`.");
      return code;
    }
  }
  await stopServers(home);
  report(
    "The stack is down; no server of it runs. `npm run down -- --purge` deletes its state, too.",
  );
  return 0;
}

/** Says what runs and what is deployed. */
export async function status({ json = false }) {
  const home = locateHome();
  const { emulator, postgres } = findServers(home);
  const deployed = offline(home).hasResources();
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
  if (deployed && !emulator) console.log(`\n${EMULATOR_GONE}`);
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
  const variables = {
    ...stackEnvironment(home, engine, endpoint),
    PATH: `${engine.path.join(path.delimiter)}${path.delimiter}`,
    MASTER_URL: masterUrl(home, servers.postgres),
    ...(await loginUrls(await outputs(pulumi), endpoint)),
  };
  console.log(`unset ${FOREIGN_VARIABLES.join(" ")}`);
  for (const [name, value] of Object.entries(variables)) {
    const rest = name === "PATH" ? '"$PATH"' : "";
    console.log(`export ${name}=${quote(value)}${rest}`);
  }
  return 0;
}

/** The CLI, and the environment in which it and the migrator work on the stack that is up. */
export async function localStack() {
  const { pulumi, servers } = await ready(locateHome());
  if (!pulumi.hasResources()) throw new Error("The stack is not up. Run `npm run up` first.");
  const { MIGRATOR_URL } = await loginUrls(await outputs(pulumi), servers.emulator.endpoint);
  const variables = { ...pulumi.variables, MIGRATOR_URL };
  return { command: pulumi.command, variables, urlVariable: "MIGRATOR_URL" };
}

/** Machine prepared, servers running, stack there and unlocked. */
async function ready(home, { renew = false, hint = "" } = {}) {
  makeHome(home);
  const running = findServers(home);
  if (!running.emulator && !renew && offline(home).hasResources()) {
    throw new Error(`${EMULATOR_GONE} ${hint}`.trimEnd());
  }
  const { engine, python } = await prepare();
  const bothRun = running.emulator && running.postgres;
  const start = () => startServers(home, python);
  const servers = bothRun ? await start() : await step("Servers: AWS emulator, PostgreSQL", start);
  writeConfig(home, `${servers.postgres.host}:${servers.postgres.port}`);
  const pulumi = new Pulumi(home, engine, servers.emulator.endpoint);
  await pulumi.ensureStack();
  await pulumi.dropDeadLock();
  return { pulumi, servers };
}

/** The stack's files alone, for questions that need no engine. */
function offline(home) {
  return new Pulumi(home, { path: [], environment: {} }, "");
}

/** Takes out of the state what the new emulator does not have; all else stays as it is. */
async function forgetAws(pulumi) {
  const state = JSON.parse(await pulumi.read(["stack", "export"]));
  const urns = (state.deployment.resources ?? [])
    .filter(({ type }) => type.startsWith("aws:"))
    .flatMap(({ urn }) => ["--target", urn]);
  if (urns.length === 0) return;
  await step("State: forgetting the AWS resources of the emulator that has ended", () =>
    pulumi.read(["refresh", "--yes", "--clear-pending-creates", ...urns]),
  );
}

async function outputs(pulumi) {
  return JSON.parse(await pulumi.read(["stack", "output", "--json"]));
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
  const program = path.join(PROJECT, "migrator/dist/types/main.mjs");
  const child = spawn(process.execPath, [program, "--if-stale"], {
    cwd: PROJECT,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, MIGRATOR_URL },
  });
  const code = await new Promise((resolve) => child.once("error", resolve).once("close", resolve));
  if (code !== 0) report("The generated types (src/types) were left as they are, see above.");
}

function relative(file) {
  const from = path.relative(PROJECT, file);
  return from.startsWith("..") ? file : from;
}

/** A value as one word of a shell. */
function quote(value) {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
