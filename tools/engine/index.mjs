// Finds or makes the Pulumi engine: the CLI, its language host and the resource plugins.
import { realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "./build.mjs";
import { cacheFolder, engineKey } from "./cache.mjs";
import { EngineError } from "./engine-error.mjs";
import { findInstalled, MARKER } from "./installed.mjs";
import { isBuilt, layout } from "./layout.mjs";
import { withLock } from "./lock.mjs";
import { readVersions } from "./versions.mjs";

const SOURCES = fileURLToPath(new URL(".", import.meta.url));

/**
 * @typedef {object} Engine
 * @property {"installed" | "built"} kind
 * @property {string} pulumi The absolute path of the CLI.
 * @property {string[]} path Folders to put in front of PATH.
 * @property {Record<string, string>} environment Variables that the CLI needs.
 * @property {string} policyPack The absolute path to give to `--policy-pack`.
 */

/**
 * Makes sure that there is an engine: the Pulumi CLI on PATH where it is new enough, otherwise one
 * built from Go modules, once for a user and a content of `tools/engine`.
 * @param {object} options
 * @param {string} options.projectDirectory The root of the repository, with `package-lock.json`.
 * @param {(text: string) => void} options.report Given one line for each thing that takes long.
 * @returns {Promise<Engine>}
 * @throws {EngineError} ENG001 to ENG006, see `docs/errors.md`.
 */
export async function ensureEngine({ projectDirectory, report }) {
  const versions = readVersions(projectDirectory);
  const required = versions["pulumi"] ?? "";
  const installed = await findInstalled(required);
  if (installed?.usable) {
    return {
      kind: "installed",
      pulumi: installed.pulumi,
      path: [],
      environment: {},
      policyPack: path.join(projectDirectory, "policy"),
    };
  }
  const folder = path.join(cacheFolder(), `engine-${engineKey(SOURCES, versions)}`);
  const engine = layout(folder, versions);
  if (!isBuilt(engine)) {
    if (installed) {
      report(
        `engine: ${installed.pulumi} is ${installed.version}, and ${required} or newer is ` +
          "needed; building one from Go modules",
      );
    }
    const waiting = (/** @type {number} */ pid) =>
      report(`engine: waiting for process ${pid}, which is building it`);
    await withLock(path.join(folder, "lock"), waiting, async () => {
      if (isBuilt(engine)) return;
      report("engine: building it from Go modules, once; this takes several minutes");
      writeFileSync(path.join(folder, MARKER), `${JSON.stringify({ versions }, undefined, 2)}\n`);
      await build({ sources: SOURCES, engine, versions, report });
    });
  }
  return {
    kind: "built",
    pulumi: engine.pulumi,
    path: [engine.bin],
    environment: {
      PULUMI_HOME: engine.home,
      // The plugins that are installed are all there are, and no newer CLI is to be had.
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    },
    policyPack: path.join(projectDirectory, "policy"),
  };
}

const HELP = `node tools/engine/index.mjs [--help]

Makes sure that there is a Pulumi engine, building it if need be, and prints what it is: JSON with
kind, pulumi, path, environment and policyPack. Progress goes to standard error.
`;

/** @param {string[]} args */
async function main(args) {
  if (args.length > 0) {
    const asked = args.length === 1 && (args[0] === "--help" || args[0] === "-h");
    (asked ? process.stdout : process.stderr).write(HELP);
    process.exitCode = asked ? 0 : 2;
    return;
  }
  try {
    const engine = await ensureEngine({
      projectDirectory: path.resolve(SOURCES, "..", ".."),
      report: (text) => process.stderr.write(`${text}\n`),
    });
    process.stdout.write(`${JSON.stringify(engine, undefined, 2)}\n`);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  void main(process.argv.slice(2));
}
