// What the engine starts: the pack as `npm run build` compiled it. Compiled by Pulumi as it is loaded, it
// would take five times as long on every machine that runs it for the first time.
"use strict";
const { readdirSync, statSync } = require("node:fs");
const path = require("node:path");

const COMPILED = path.join(__dirname, "dist");
const SOURCES = ["src", "../rules/src", "../migrator/src", "../trial/src"].map((folder) =>
  path.join(__dirname, folder),
);

/** Judging by rules that have changed since would let pass what they refuse now. */
function refuseOutdated() {
  // The compiler touches it each time, whether anything changed or not.
  const compiledAt = changedAt(path.join(COMPILED, "tsconfig.tsbuildinfo"));
  if (compiledAt === 0) refuse("The policy pack is not compiled");
  const newer = SOURCES.flatMap(filesOf).find((file) => changedAt(file) > compiledAt);
  if (newer) refuse(`${path.relative(process.cwd(), newer)} is newer than the compiled pack`);
}

function filesOf(folder) {
  const names = readdirSync(folder, { recursive: true });
  return names.filter((name) => name.endsWith(".ts")).map((name) => path.join(folder, name));
}

function changedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function refuse(found) {
  process.stderr.write(
    `POL003 ${found}, so it would not judge by the rules as they are written. Run \`npm run build\`.\n`,
  );
  process.exit(1);
}

refuseOutdated();
require("./dist/index.js");
