// Builds the Pulumi CLI, its Node.js language host and the resource plugins from Go modules.
import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { endingGo, requireGo, runGo } from "./go.mjs";
import { COPIED_MODULES, copyModules } from "./modules.mjs";
import { PLUGINS } from "./versions.mjs";

/** @typedef {import("./layout.mjs").Layout} Layout */
/**
 * @typedef {object} Part
 * @property {string} title
 * @property {string} module The folder below `go`.
 * @property {string} main The package to build.
 * @property {string[]} binaries Where it goes, under each of its names.
 * @property {() => Promise<void>} prepare
 * @property {() => Promise<Record<string, string>>} variables What the linker sets, by symbol.
 */

/**
 * Builds what is missing. Can be stopped at any moment and goes on from there the next time: the
 * parts that are finished are in place, and Go keeps what it has downloaded and compiled.
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
  mkdirSync(engine.bin, { recursive: true });
  for (const module of ["language", "engine"]) {
    cpSync(path.join(sources, "go", module), path.join(engine.work, module), { recursive: true });
  }
  rmSync(engine.log, { force: true });
  await requireGo(path.join(engine.work, "engine"), engine.log);
  const parts = partsOf(engine, versions).filter(
    ({ binaries }) => !binaries.every((file) => existsSync(file)),
  );
  await endingGo(() => buildParts(parts, engine, report));
  writeScripts(engine);
  rmSync(engine.work, { recursive: true });
}

/** Most of what is compiled, and hardly any of what runs; without inlining it compiles sooner. */
const SELDOM_RUN = ["github.com/hashicorp/terraform-provider-aws", "github.com/aws"];
/** What the stack never runs: other clouds, other languages, Pulumi's own API. */
const NEVER_RUN = [
  "cloud.google.com/go",
  "github.com/alecthomas/chroma",
  "github.com/Azure",
  "github.com/envoyproxy",
  "github.com/google/go-tpm",
  "github.com/pb33f/libopenapi",
  "github.com/pulumi/pulumi-dotnet",
  "github.com/pulumi/pulumi-java",
  "github.com/pulumi/pulumi-yaml",
  "go.opentelemetry.io/collector",
  "google.golang.org/api",
  "google.golang.org/genproto",
];

/**
 * @param {Layout} engine
 * @param {Record<string, string>} versions
 * @returns {Part[]} In the order in which they are built: what is downloaded soonest goes first.
 */
function partsOf(engine, versions) {
  const nothing = async () => {};
  const copied = Object.keys(COPIED_MODULES).map((name) => path.join(engine.work, name));
  const copy = async () => {
    if (copied.every((folder) => existsSync(folder))) return;
    for (const folder of copied) rmSync(folder, { recursive: true, force: true });
    await copyModules(engine.work, engine.log);
  };
  return [
    {
      title: "Node.js language host",
      module: "language",
      main: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      binaries: [engine.languageHost],
      prepare: nothing,
      variables: async () => ({}),
    },
    {
      title: "AWS, PostgreSQL and Random plugins",
      module: "engine",
      main: ".",
      binaries: engine.plugins,
      prepare: copy,
      variables: async () =>
        Object.fromEntries(PLUGINS.map((name) => [`main.${name}Version`, versions[name] ?? ""])),
    },
    {
      title: "Pulumi CLI",
      module: "engine",
      main: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      binaries: [engine.pulumi],
      prepare: copy,
      variables: async () => {
        const requirements = await readFile(path.join(engine.work, "engine/go.mod"), "utf8");
        const version = /github\.com\/pulumi\/pulumi\/pkg\/v3 (v\S+)/.exec(requirements)?.[1] ?? "";
        return { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": version };
      },
    },
  ];
}

/**
 * Compiles one part after the other, while the modules of the next ones are being downloaded.
 * @param {Part[]} parts
 * @param {Layout} engine
 * @param {(text: string) => void} report
 */
async function buildParts(parts, engine, report) {
  let fetched = Promise.resolve();
  const fetching = parts.map((part) => {
    fetched = fetched.then(() => fetchModules(part, engine));
    // Awaited below, in turn; until then a failure must not end the process.
    fetched.catch(() => {});
    return fetched;
  });
  for (const [index, part] of parts.entries()) {
    const start = Date.now();
    await fetching[index];
    await buildPart(part, engine);
    report(`engine: ${part.title} … ${Math.round((Date.now() - start) / 1000)} s`);
  }
}

/**
 * Downloads the modules of those packages that are compiled; go.mod names many more.
 * @param {Part} part
 * @param {Layout} engine
 */
async function fetchModules({ module, main, prepare }, { work, log }) {
  await prepare();
  await runGo(["list", "-mod=readonly", "-deps", "-f", "", main], {
    cwd: path.join(work, module),
    log,
    environment: { CGO_ENABLED: "0" },
  });
}

/**
 * @param {Part} part
 * @param {Layout} engine
 */
async function buildPart({ module, main, binaries, variables }, { work, log }) {
  const unfinished = path.join(work, "unfinished");
  const set = Object.entries(await variables()).map(([name, value]) => `-X ${name}=${value}`);
  const flags = [
    "-mod=readonly",
    "-trimpath",
    "-buildvcs=false",
    `-ldflags=-s -w ${set.join(" ")}`,
    ...SELDOM_RUN.map((packages) => `-gcflags=${packages}/...=-l`),
    ...NEVER_RUN.map((packages) => `-gcflags=${packages}/...=-N -l`),
  ];
  // Without C nothing but Go is needed, and the binaries run on any system of the same kind.
  await runGo(["build", ...flags, "-o", unfinished, main], {
    cwd: path.join(work, module),
    log,
    environment: { CGO_ENABLED: "0" },
  });
  // What is linked below must be whole even if the machine goes down now.
  const descriptor = openSync(unfinished, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
  for (const file of binaries) {
    mkdirSync(path.dirname(file), { recursive: true });
    rmSync(file, { force: true });
    linkSync(unfinished, file);
  }
  rmSync(unfinished);
}

/** @param {Layout} engine */
function writeScripts({ dynamicProvider, policyStarter }) {
  // The CLI starts it in the project's folder.
  writeScript(
    dynamicProvider,
    `exec node --require ./tools/engine/deferred-modules.cjs \\
  --eval 'require("@pulumi/pulumi/cmd/dynamic-provider")' dynamic-provider "$@"\n`,
  );
  // The CLI starts it in the folder that --policy-pack names, tools/engine/policy-pack. The pack
  // reads these variables under their older names, which the CLI only sets for a runtime "nodejs".
  // It is compiled already, so it starts without TypeScript: the program waits until it has started.
  writeScript(
    policyStarter,
    `cd ../../../policy || exit 1
for name in ORGANIZATION PROJECT STACK DRY_RUN; do
  eval "export PULUMI_NODEJS_$name=\\"\\\${PULUMI_$name-}\\""
done
exec node --require ../tools/engine/deferred-modules.cjs --eval '
  const pack = require("@pulumi/pulumi/cmd/run-policy-pack/run");
  const { run } = pack;
  pack.run = (options) => run({ ...options, typeScript: false });
  require("@pulumi/pulumi/cmd/run-policy-pack");
' run-policy-pack "$1" .
`,
  );
}

/**
 * @param {string} file
 * @param {string} text
 */
function writeScript(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.partial`, `#!/bin/sh\n${text}`, { mode: 0o755 });
  renameSync(`${file}.partial`, file);
}
