// How long migrations take with this project's migrator and with other tools, side by side on one
// PostgreSQL. Usage: node bench/migrator/main.mjs --help
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { NOTHING, startServer } from "./databases.mjs";
import { chainMigrations, dataMigrations, functionMigrations } from "./fixtures/growth.mjs";
import { realisticMigrations } from "./fixtures/realistic.mjs";
import { smallMigrations } from "./fixtures/small.mjs";
import { timeCommand } from "./processes.mjs";
import { flatnessTable, seriesTable } from "./report.mjs";
import { dbmate } from "./tools/dbmate.mjs";
import { migrator } from "./tools/migrator.mjs";
import { nodePgMigrate } from "./tools/node-pg-migrate.mjs";
import { psql, psqlWithVerify } from "./tools/psql.mjs";
import { sqitch, sqitchWithVerify } from "./tools/sqitch.mjs";

const HELP = `node bench/migrator/main.mjs [--sizes realistic,small] [--limit N] [--tools NAME,…] [--rounds N]
       [--json FILE]

  --sizes   realistic: 200 migrations of a table each; small: 2,000, and the first 200, 500 and 1,000
            of them; chain, functions, data: what grows in one way alone. Default: realistic, small.
  --limit   Leaves out series of more migrations, or rows.
  --tools   Names as the tables show them; psql always runs. Default: all.
  --rounds  Of each measurement; sqitch runs in the first alone. Default: 5.
  --json    Writes every figure there.
`;

const SETS = {
  realistic: realisticMigrations,
  small: smallMigrations,
  chain: chainMigrations,
  functions: functionMigrations,
  data: dataMigrations,
};
/** Migrations; of data, rows. */
const SIZES = {
  realistic: [200],
  small: [200, 500, 1_000, 2_000],
  chain: [100, 400],
  functions: [100, 400],
  data: [10_000, 40_000],
};
const TOOLS = [psql, psqlWithVerify, migrator, nodePgMigrate, dbmate, sqitch, sqitchWithVerify];
/** Minutes a round: their ratios do not hang on a few per cent. */
const ONE_ROUND = [sqitch, sqitchWithVerify];
const ACTIONS = ["up", "nothing", "rollback"];

const { values: options } = parseArgs({
  options: {
    sizes: { type: "string", default: "realistic,small" },
    limit: { type: "string", default: "40000" },
    tools: { type: "string", default: TOOLS.map(({ name }) => name).join() },
    rounds: { type: "string", default: "5" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) process.stdout.write(HELP);
else await main();

async function main() {
  const directory = mkdtempSync(path.join(tmpdir(), "app-data-bench-"));
  const server = await startServer(directory);
  try {
    const machine = { node: process.version, cpus: cpus().length, model: cpus()[0].model };
    console.log(`PostgreSQL ${server.version}, its default settings (fsync and all), on loopback.`);
    console.log(`Node.js ${machine.node}, ${machine.cpus} × ${machine.model}.`);
    const versions = installedVersions();
    const tools = TOOLS.filter(({ name }) => name in versions);

    const results = {};
    for (const set of options.sizes.split(",")) {
      results[set] = {};
      for (const size of SIZES[set].filter((count) => count <= Number(options.limit))) {
        const migrations = SETS[set](size);
        const folder = path.join(directory, `${set}-${size}`);
        results[set][size] = await measureSeries(server, folder, tools, migrations);
        console.log(
          seriesTable(
            `${set}, ${size} ${set === "data" ? "rows" : "migrations"}`,
            results[set][size],
          ),
        );
      }
      if (Object.keys(results[set]).length > 1) {
        console.log(flatnessTable("milliseconds a migration, first run", results[set]));
      }
    }
    if (options.json) {
      const figures = { postgres: server.version, machine, versions, seconds: results };
      writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
    }
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The tools that were asked for and are here, with their versions. */
function installedVersions() {
  const names = [psql.name, ...options.tools.split(",")];
  const versions = {};
  for (const tool of TOOLS.filter(({ name }) => names.includes(name))) {
    try {
      versions[tool.name] = tool.version();
      console.log(`  ${tool.name}: ${versions[tool.name]}`);
    } catch (error) {
      console.log(`  ${tool.name}: not here (${error.message.split("\n")[0]})`);
    }
  }
  return versions;
}

/** Seconds of each tool, action and round. Rounds are outermost: every tool meets the same minutes. */
async function measureSeries(server, folder, tools, migrations) {
  const directories = tools.map((tool) => path.join(folder, tool.name.replaceAll(" ", "_")));
  tools.forEach((tool, index) => tool.write(directories[index], migrations));
  const results = Object.fromEntries(tools.map(({ name }) => [name, {}]));
  const failed = new Set();
  let expected;
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const [index, tool] of tools.entries()) {
      if (failed.has(tool) || (round > 0 && ONE_ROUND.includes(tool))) continue;
      const database = await server.create("bench");
      const commands = tool.commands(directories[index], database, migrations.length);
      try {
        for (const action of ACTIONS.filter((name) => commands[name])) {
          await server.settle();
          const seconds = await timeCommand(commands[action]);
          const facts = JSON.stringify(await server.facts(database));
          if (action === "up") expected ??= facts;
          same(facts, action === "rollback" ? NOTHING : expected, `${tool.name} ${action}`);
          (results[tool.name][action] ??= []).push(seconds);
        }
      } catch (error) {
        // One tool that cannot do it must not cost the figures of the others.
        if (tool === psql) throw error;
        failed.add(tool);
        console.log(`\n${tool.name} is left out from here on: ${error.message}`);
      }
      await server.drop(database);
    }
  }
  return results;
}

function same(found, expected, what) {
  if (found !== expected) throw new Error(`${what} left ${found}, where ${expected} is right.`);
}
