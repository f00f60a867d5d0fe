// npm test: lint, type checks, unit and database tests, and one end-to-end run, with servers of its own.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, getPriority, setPriority, tmpdir } from "node:os";
import path from "node:path";
import { COMPILER, PROJECT, prepare } from "./prepare.mjs";
import { report, seconds } from "./report.mjs";

const UNIT_PROJECTS = ["unit", "database"];
const END_TO_END = ["end-to-end"];

// Node.js 20 is supported here for as long as the pinned AWS SDK runs on it.
const ENVIRONMENT = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };

/** Runs everything. @returns 0 when all of it passed. */
export async function test() {
  const begin = Date.now();
  await prepare();
  report(`Machine ready after ${seconds(begin)} s.`);
  const results = mkdtempSync(path.join(tmpdir(), "app-data-results-"));
  try {
    // The end-to-end run mostly waits for AWS, so the rest has the processor meanwhile. It also takes
    // the longest, so the rest gives way to it.
    const endToEnd = jest("end-to-end run", END_TO_END, results);
    giveWay();
    const unit = jest("unit and database tests", UNIT_PROJECTS, results);
    const outcomes = [
      // One after the other: each has the memory of several test workers.
      await check("lint: eslint", binary("eslint"), ["."]),
      await check("lint: prettier", binary("prettier"), ["--check", "--log-level", "warn", "."]),
      await check("types: program, pack and tests", COMPILER, ["-p", "test"]),
      await check("types: engine", COMPILER, ["-p", "tools/engine"]),
      await check("types: generated", "migrator/dist/types/main.mjs", ["--check-stamp"]),
      await show(await unit),
      await show(await endToEnd),
    ];
    const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
    const [passed, failed] = [sum("passed"), sum("failed")];
    console.log(`\nAll of it took ${seconds(begin)} s.\n${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

/** A program of an npm package. */
function binary(name) {
  return path.join(PROJECT, "node_modules", ".bin", name);
}

async function check(name, script, args) {
  const { code, output, time } = await run([script, ...args]);
  return show({ name, output, time, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 });
}

/** What is started from here on has the processor when nothing else wants it. */
function giveWay() {
  setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
}

async function jest(name, projects, results) {
  const file = path.join(results, `${projects[0]}.json`);
  const output = ["--json", `--outputFile=${file}`, "--verbose"];
  const args = [binary("jest"), "--selectProjects", ...projects, ...output];
  const outcome = await run(args);
  const counts = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
  // A suite that could not be loaded has no failed tests; a run without a result has no tests at all.
  const broken = counts ? counts.numRuntimeErrorTestSuites : 1;
  const passed = counts?.numPassedTests ?? 0;
  const failed = (counts?.numFailedTests ?? 0) + broken;
  const unaccounted = outcome.code !== 0 && failed === 0 ? 1 : 0;
  return { name, ...outcome, passed, failed: failed + unaccounted };
}

function show({ name, output, time, passed, failed }) {
  const verdict = failed === 0 ? "ok" : "FAILED";
  console.log(`${verdict.padEnd(7)}${name} (${passed} passed, ${failed} failed, ${time} s)`);
  if (failed > 0) console.log(output.trim());
  return { passed, failed };
}

/** Runs a script of Node.js, with arguments. */
function run(script) {
  const begin = Date.now();
  return new Promise((resolve, reject) => {
    const options = { cwd: PROJECT, env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] };
    const child = spawn(process.execPath, script, options);
    let output = "";
    // The JSON that jest prints on standard output is read from its file.
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => (output += data));
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output, time: seconds(begin) }));
  });
}
