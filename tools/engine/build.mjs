// Builds the Pulumi CLI, its Node.js language host and the resource plugins from Go modules.
import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";

import { endingGo, requireGo, runGo } from "./go.mjs";
import { COPIED_MODULES, copyModules } from "./modules.mjs";
import { PLUGINS } from "./versions.mjs";

/** @typedef {import("./layout.mjs").Layout} Layout */

/** How often a long step says that it is still at work. */
const STILL_AT_WORK_MS = 60_000;

/**
 * Builds what is missing. Can be stopped at any moment and goes on from there the next time: Go keeps
 * what it has downloaded and compiled, and each binary is put in place whole.
 * @param {object} options
 * @param {string} options.sources The folder `tools/engine`.
 * @param {Layout} options.engine
 * @param {Record<string, string>} options.versions See `readVersions`.
 * @param {(text: string) => void} options.report
 * @returns {Promise<void>}
 * @throws {import("./engine-error.mjs").EngineError} ENG002 to ENG006.
 */
export async function build({ sources, engine, versions, report }) {
  mkdirSync(engine.work, { recursive: true });
  cpSync(path.join(sources, "go/engine"), path.join(engine.work, "engine"), { recursive: true });
  rmSync(engine.log, { force: true });
  await requireGo(path.join(engine.work, "engine"), engine.log);
  /**
   * @param {string} title
   * @param {() => Promise<void>} task
   */
  const step = async (title, task) => {
    const start = Date.now();
    const tell = () => report(`engine: ${title} … ${Math.round((Date.now() - start) / 1000)} s`);
    const timer = setInterval(tell, STILL_AT_WORK_MS);
    await task().finally(() => clearInterval(timer));
    tell();
  };
  await endingGo(async () => {
    await step("Go modules", () => fetchModules(engine));
    await step("CLI, language host and plugins", () => compile(engine, versions));
  });
  writeDynamicProvider(engine);
  rmSync(engine.work, { recursive: true });
}

const CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
/** What is built; the last part of each names the binary. */
const MAINS = [".", "./language", CLI];

/** Most of what is compiled, and hardly any of what runs; without inlining it compiles sooner. */
const SELDOM_RUN = [
  "github.com/aws",
  "github.com/hashicorp/terraform-provider-aws",
  "github.com/pulumi/pulumi/sdk/v3/go/pulumi",
];

/**
 * Downloads the modules of those packages that are compiled; go.mod names many more.
 * @param {Layout} engine
 */
async function fetchModules({ work, log }) {
  const copied = Object.keys(COPIED_MODULES).map((name) => path.join(work, name));
  if (!copied.every((folder) => existsSync(folder))) {
    for (const folder of copied) rmSync(folder, { recursive: true, force: true });
    await copyModules(work, log);
  }
  await runGo(["list", "-mod=readonly", "-deps", "-f", "", ...MAINS], {
    cwd: path.join(work, "engine"),
    log,
    environment: { CGO_ENABLED: "0" },
  });
}

/**
 * @param {Layout} engine
 * @param {Record<string, string>} versions
 */
async function compile(engine, versions) {
  const module = path.join(engine.work, "engine");
  const requirements = readFileSync(path.join(module, "go.mod"), "utf8");
  const version = /github\.com\/pulumi\/pulumi\/pkg\/v3 (v\S+)/.exec(requirements)?.[1] ?? "";
  const variables = [
    ["github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", version],
    ...PLUGINS.map((name) => [`main.${name}Version`, versions[name]]),
  ];
  const unfinished = path.join(engine.work, "unfinished");
  mkdirSync(unfinished, { recursive: true });
  const flags = [
    "-mod=readonly",
    "-trimpath",
    "-buildvcs=false",
    `-ldflags=-s -w ${variables.map(([name, value]) => `-X ${name}=${value}`).join(" ")}`,
    // The linker leaves what debuggers read out, so the compiler need not make it.
    "-gcflags=all=-dwarf=false",
    ...SELDOM_RUN.map((packages) => `-gcflags=${packages}/...=-l -dwarf=false`),
  ];
  await runGo(["build", ...flags, "-o", unfinished, ...MAINS], {
    cwd: module,
    log: engine.log,
    environment: {
      // Without C nothing but Go is needed, and the binaries run on any system of the same kind.
      CGO_ENABLED: "0",
      // The compilers collect garbage a quarter as often: a third less work, for 2 GB at most each.
      GOGC: "400",
    },
  });
  place(path.join(unfinished, "engine"), engine.plugins);
  place(path.join(unfinished, "language"), [engine.languageHost]);
  place(path.join(unfinished, "pulumi"), [engine.pulumi]);
}

/**
 * Puts a finished binary where it belongs, under each of its names.
 * @param {string} binary
 * @param {string[]} names
 */
function place(binary, names) {
  // What is linked below must be whole even if the machine goes down now.
  const descriptor = openSync(binary, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
  for (const name of names) {
    mkdirSync(path.dirname(name), { recursive: true });
    rmSync(name, { force: true });
    linkSync(binary, name);
  }
}

/**
 * The CLI looks for it beside itself, and starts it in the project's folder.
 * @param {Layout} engine
 */
function writeDynamicProvider({ dynamicProvider }) {
  const script = `#!/bin/sh
exec node --require ./tools/deferred-modules.cjs \\
  --eval 'require("@pulumi/pulumi/cmd/dynamic-provider")' dynamic-provider "$@"
`;
  writeFileSync(`${dynamicProvider}.partial`, script, { mode: 0o755 });
  renameSync(`${dynamicProvider}.partial`, dynamicProvider);
}
