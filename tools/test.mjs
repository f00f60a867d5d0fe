// npm test: lint, type checks, unit and database tests, and one end-to-end run, with servers of its own.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants, getPriority, setPriority, tmpdir } from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { ensureNode } from "./node.mjs";
import { COMPILER, PROJECT, prepare } from "./prepare.mjs";
import { report, seconds } from "./report.mjs";

const MAIN = path.join(import.meta.dirname, "main.mjs");
const [RUNNING] = process.versions.node.split(".");
/** How many test files are named that took longest. */
const SLOWEST = 12;
/** How many lines of a failed test's reason are told at the end. */
const FAILURE_LINES = 12;
/** Folders that no check reads, or that are made of what it reads. */
const NOT_SOURCES = [".git", ".local", "dist", "node_modules"];

// Node.js 20 is supported here for as long as the pinned AWS SDK runs on it.
const ENVIRONMENT = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };

/**
 * Runs everything, or with `smoke` what another Node.js could break.
 * @param options `node`: the major version to run it on; without it, the Node.js that is running.
 * @returns 0 when all of it passed.
 */
export async function test({ node = RUNNING, smoke = false }) {
  if (node !== RUNNING) return testOn(node, smoke);
  const begin = Date.now();
  await prepare();
  report(`Machine ready after ${seconds(begin)} s. This is Node.js ${process.versions.node}.`);
  const results = mkdtempSync(path.join(tmpdir(), "app-data-results-"));
  try {
    const outcomes = smoke ? await smokeRun(results) : await everything(results);
    const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
    const [passed, failed] = [sum("passed"), sum("failed")];
    // Once more at the end: what jest prints of them may be far up.
    for (const name of outcomes.flatMap(({ failures }) => failures)) console.log(`FAILED ${name}`);
    console.log(`\nAll of it took ${seconds(begin)} s.\n${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

/** Runs this command on another Node.js. It is first on PATH, so npm, npx and Pulumi run on it, too. */
async function testOn(node, smoke) {
  const folder = await ensureNode({ major: node });
  const args = [MAIN, "test", ...(smoke ? ["--smoke"] : [])];
  const env = { ...process.env, PATH: [folder, process.env.PATH].join(path.delimiter) };
  const child = spawn(path.join(folder, "node"), args, { stdio: "inherit", env });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

async function everything(results) {
  // The end-to-end run mostly waits for AWS, so the rest has the processor meanwhile. It also takes
  // the longest, so the rest gives way to it.
  const endToEnd = jest("end-to-end run", ["end-to-end"], results);
  giveWay();
  const unit = jest("unit and database tests", ["unit", "database"], results);
  return [
    // One after the other: each has the memory of several test workers.
    await checkOnce("lint: eslint", script(binary("eslint"), ".")),
    await checkOnce(
      "lint: prettier",
      script(binary("prettier"), "--check", "--log-level", "warn", "."),
    ),
    await checkOnce("types: program, pack and tests", script(COMPILER, "-p", "test")),
    await checkOnce("types: tools", script(COMPILER, "-p", "tools")),
    await check("types: generated", script("types/dist/main.mjs", "--check-stamp")),
    await check("docs/schema.svg", script("tools/schema-report/schema-svg.mjs", "--check")),
    show(await unit),
    show(await endToEnd),
  ];
}

async function smokeRun(results) {
  const stack = upAndDown(path.join(results, "stack"));
  giveWay();
  return [
    await check("npm run build", ["npm", "run", "build"]),
    await check("npm run policy", ["npm", "run", "policy"]),
    show(await jest("rules", ["database"], results, ["test/rules"])),
    show(await jest("migrator", ["database"], results, ["test/migrator/command-line.test.ts"])),
    ...(await stack).map(show),
  ];
}

/** Brings a stack of its own up and down again. */
async function upAndDown(home) {
  const variables = { APP_DATA_HOME: home };
  try {
    const up = await attempt("npm run up", ["npm", "run", "up"], variables);
    return [up, await attempt("npm run down", ["npm", "run", "down"], variables)];
  } finally {
    await run(["npm", "run", "down", "--", "--purge"], variables);
  }
}

/** A program of an npm package. */
function binary(name) {
  return path.join(PROJECT, "node_modules", ".bin", name);
}

/** A script of Node.js as a command. */
function script(file, ...args) {
  return [process.execPath, file, ...args];
}

async function check(name, command) {
  return show(await attempt(name, command));
}

/**
 * As {@link check}, and not at all where every file is as it was when the command last passed. Not by
 * each file alone: what a rule or the compiler says of one depends on the types in others.
 */
async function checkOnce(name, command) {
  const key = createHash("sha256").update(JSON.stringify(command)).digest("hex").slice(0, 16);
  const stamp = path.join(PROJECT, "node_modules/.cache/app-data-checks", key);
  const digest = digestOfFiles();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    const unchanged = `${name}, as nothing has changed`;
    return show({ name: unchanged, output: "", time: 0, passed: 1, failed: 0 });
  }
  const counts = await check(name, command);
  mkdirSync(path.dirname(stamp), { recursive: true });
  // A file that was changed meanwhile may not have been read as it is now.
  if (counts.failed === 0 && digestOfFiles() === digest) writeFileSync(stamp, digest);
  return counts;
}

/** What all files of the project hold, and those of its packages, by the lockfile; and this Node.js. */
function digestOfFiles() {
  const hash = createHash("sha256").update(process.version);
  const add = (folder) => {
    for (const entry of readdirSync(path.join(PROJECT, folder), { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory() && !NOT_SOURCES.includes(entry.name)) add(file);
      if (!entry.isFile()) continue;
      const content = readFileSync(path.join(PROJECT, file));
      hash.update(JSON.stringify([file, content.length])).update(content);
    }
  };
  add("");
  return hash.digest("hex");
}

/** Runs a command that counts as one test. */
async function attempt(name, command, variables) {
  const outcome = await run(command, variables);
  return {
    name,
    ...outcome,
    passed: outcome.code === 0 ? 1 : 0,
    failed: outcome.code === 0 ? 0 : 1,
  };
}

/** What is started from here on has the processor when nothing else wants it. */
function giveWay() {
  setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
}

/** Runs the tests of some of jest's projects; all of them, or those of the given files and folders. */
async function jest(name, projects, results, files = []) {
  const file = path.join(results, `${projects[0]}.json`);
  const output = ["--json", `--outputFile=${file}`, "--verbose"];
  const args = [...files, "--selectProjects", ...projects, ...output];
  const outcome = await run(script(binary("jest"), ...args));
  const counts = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
  // A suite that could not be loaded has no failed tests; a run without a result has no tests at all.
  const broken = counts ? counts.numRuntimeErrorTestSuites : 1;
  const passed = counts?.numPassedTests ?? 0;
  const failed = (counts?.numFailedTests ?? 0) + broken;
  const unaccounted = failed === 0 && (outcome.code !== 0 || passed === 0) ? 1 : 0;
  const testFiles = counts?.testResults ?? [];
  return {
    name,
    ...outcome,
    passed,
    failed: failed + unaccounted,
    slowest: slowestOf(testFiles),
    failures: failuresOf(testFiles),
  };
}

/** The tests that failed, each with the beginning of its reason. */
function failuresOf(files) {
  return files.flatMap(({ name, message, assertionResults }) => {
    const file = path.relative(path.join(PROJECT, "test"), name);
    const failed = assertionResults.filter(({ status }) => status === "failed");
    // A file that could not be loaded has a message and no tests.
    if (failed.length === 0) return message ? [`${file}: ${beginningOf(message)}`] : [];
    return failed.map(
      ({ fullName, failureMessages }) =>
        `${file}: ${fullName}: ${beginningOf(failureMessages.join("\n"))}`,
    );
  });
}

function beginningOf(message) {
  return stripVTControlCharacters(message).split("\n").slice(0, FAILURE_LINES).join("\n  ");
}

/** The files that took longest, for who wants to make the whole quicker. */
function slowestOf(files) {
  return files
    .map(({ name, startTime, endTime }) => ({
      name,
      took: Math.round((endTime - startTime) / 1000),
    }))
    .sort((one, other) => other.took - one.took)
    .slice(0, SLOWEST)
    .map(({ name, took }) => `${path.relative(path.join(PROJECT, "test"), name)} ${took} s`);
}

function show({ name, output, time, passed, failed, slowest = [], failures = [] }) {
  const verdict = failed === 0 ? "ok" : "FAILED";
  console.log(`${verdict.padEnd(7)}${name} (${passed} passed, ${failed} failed, ${time} s)`);
  if (slowest.length > 0) console.log(`       longest: ${slowest.join(", ")}`);
  if (failed > 0) console.log(output.trim());
  return { passed, failed, failures: failed > 0 && failures.length === 0 ? [name] : failures };
}

/**
 * Runs a program with arguments.
 * @param {string[]} command
 */
function run([program, ...args], variables = {}) {
  const begin = Date.now();
  return new Promise((resolve, reject) => {
    const env = { ...ENVIRONMENT, ...variables };
    const child = spawn(program, args, { cwd: PROJECT, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    // The JSON that jest prints on standard output is read from its file.
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => (output += data));
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output, time: seconds(begin) }));
  });
}
