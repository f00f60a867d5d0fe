// Judges the corpus, or other folders, by the sources of rules and trial as they stand, and prints what is
// judged wrongly.
//
// Usage: node test/policy/run-corpus.mjs [--only TEXT] [--kind safe|unsafe] [--prove] [--all] [--contract NAME] [--jobs N] [FOLDER…]
//   --only TEXT  cases whose path contains it
//   --prove      runs what shows whether each case leaks, instead of judging it
//   --all        prints the findings on every case, not only on those that are judged wrongly
//   --contract NAME  the contract of folders of migrations: a preset or a file
//   --jobs N     processes that share the work
// A folder holds cases (`test/policy/corpus/README.md`) in `safe/` and `unsafe/`, or is itself named so, or
// holds migrations, which are then one case: an unsafe one where a folder that it stands in is named "unsafe…".
import { fork } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import Module, { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PROJECT = path.resolve(HERE, "../..");

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true },
    kind: { type: "string" },
    prove: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    contract: { type: "string", default: "default" },
    jobs: { type: "string", default: "1" },
    share: { type: "string", default: "0" },
    server: { type: "string" },
  },
});

const load = sourceLoader();
const { isCase, readCase } = load("./corpus-case.ts");
const { Ground, judgeFiles } = load("./corpus-ground.ts");
const { readContract } = load("../../rules/src/index.ts");
const { withThrowawayServer } = load("../../trial/src/index.ts");
const { readMigrationFolder } = load("./migration-folders.ts");

const folders = positionals.length > 0 ? positionals : [path.join(HERE, "corpus")];
const cases = folders
  .flatMap((folder) => casesIn(path.resolve(folder)))
  .filter(({ place }) => options.only?.some((text) => place.includes(text)) ?? true)
  .filter(({ kind }) => options.kind === undefined || kind === options.kind);

if (options.server) await work(JSON.parse(options.server));
else await runAll();

/** Starts a server, shares the cases among processes, and adds up what they say. */
async function runAll() {
  const begin = Date.now();
  const wrong = [];
  await withThrowawayServer(async ({ host, port, user, password }) => {
    const server = { host, port, user, password };
    await prepareRoles(server);
    const shares = Array.from({ length: Number(options.jobs) }, (_, share) => share);
    await Promise.all(shares.map((share) => runShare(share, server, wrong)));
  });
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  const [did, badly] = options.prove ? ["proved", "not as it says"] : ["judged", "wrongly"];
  const count = (kind) =>
    `${wrong.filter((one) => one.kind === kind).length} of ${cases.filter((one) => one.kind === kind).length} ${kind}`;
  console.log(
    `\n${cases.length} cases ${did} in ${seconds} s; ${badly}: ${count("unsafe")}, ${count("safe")}`,
  );
  for (const { kind, place } of wrong.sort((a, b) => (a.place < b.place ? -1 : 1)))
    console.log(`  ${kind.padEnd(6)} ${place}`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

function runShare(share, server, wrong) {
  const child = fork(
    fileURLToPath(import.meta.url),
    [...process.argv.slice(2), "--share", String(share), "--server", JSON.stringify(server)],
    { stdio: "inherit" },
  );
  child.on("message", (one) => wrong.push(one));
  return new Promise((resolve, reject) =>
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`Share ${share} of the cases ended with ${code}.`)),
    ),
  );
}

/** Runs every n-th case on one server. */
async function work(server) {
  const grounds = new Map();
  for (const [index, one] of cases.entries()) {
    if (index % Number(options.jobs) !== Number(options.share)) continue;
    const begin = Date.now();
    const outcome = await run(one, server, grounds).catch((error) => ({
      isRight: false,
      lines: [String(error.stack)],
    }));
    const seconds = ((Date.now() - begin) / 1000).toFixed(1);
    if (!outcome.isRight || options.all) {
      console.log(
        `${outcome.isRight ? "right" : "WRONG"} ${one.kind} ${one.place} (${seconds} s): ${one.title}`,
      );
      for (const line of outcome.lines) console.log(`    ${line}`);
    }
    if (!outcome.isRight) process.send({ kind: one.kind, place: one.place });
  }
  for (const ground of grounds.values()) await ground.drop();
  process.disconnect();
}

async function run(one, server, grounds) {
  if (one.files)
    return outcomeOf(one, await judgeFiles(server, one, readContract(options.contract)));
  const key = one.base.join();
  if (!grounds.has(key)) grounds.set(key, await Ground.create(server, one.base));
  const ground = grounds.get(key);
  if (!options.prove) return outcomeOf(one, await ground.judgeCase(one));
  const returned = await ground.prove(one);
  return {
    isRight: returned === one.returns,
    lines: [`returned ${returned}, expected ${one.returns}`],
  };
}

function outcomeOf({ kind }, { findings, refusals, tables, attempts }) {
  return {
    isRight: refusals.length > 0 === (kind === "unsafe"),
    lines: [
      ...findings.map(
        ({ level, code, object, message }) => `${level} ${code} ${object}: ${message}`,
      ),
      `${attempts} attempts on ${tables} tables`,
    ],
  };
}

function casesIn(folder) {
  const names = readdirSync(folder).sort();
  const files = names.filter((name) => /(?<!_rollback|_verify)\.sql$/.test(name));
  const folders = names.filter((name) => statSync(path.join(folder, name)).isDirectory());
  const rest = folders.flatMap((name) => casesIn(path.join(folder, name)));
  const read = (file) => ({ file, sql: readFileSync(path.join(folder, file), "utf8") });
  const [first] = files;
  if (first === undefined) return rest;
  const place = path.relative(process.cwd(), folder);
  if (isCase(read(first).sql)) {
    const kind = path.basename(folder) === "unsafe" ? "unsafe" : "safe";
    return [
      ...files.map((file) => ({
        kind,
        place: path.join(place, file),
        ...readCase(kind, path.join(folder, file)),
      })),
      ...rest,
    ];
  }
  const isUnsafe = folder.split(path.sep).some((part) => part.startsWith("unsafe"));
  const whole = {
    kind: isUnsafe ? "unsafe" : "safe",
    place,
    title: `${files.length} migrations`,
    ...readMigrationFolder(folder),
  };
  return [whole, ...rest];
}

/** Loads TypeScript of this tree as it stands, the workspaces' too: nothing has to be compiled. */
function sourceLoader() {
  const require = createRequire(import.meta.url);
  require("../../tools/transpile.cjs");
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (request, ...rest) {
    const [, workspace, file = "index"] = /^@app-data\/([a-z]+)(?:\/(.*))?$/.exec(request) ?? [];
    return workspace
      ? resolve.call(this, path.join(PROJECT, workspace, "src", file), ...rest)
      : resolve.call(this, request, ...rest);
  };
  return require;
}

/** The roles of the schema contract. */
async function prepareRoles(server) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ ...server, database: "postgres" });
  await client.connect();
  await client.query(`
    create role master login nosuperuser createrole createdb;
    create role migrator login nosuperuser nobypassrls;
    create role anon nologin nosuperuser nobypassrls;
    create role authenticated nologin nosuperuser nobypassrls;
    create role service_role nologin nosuperuser nobypassrls;
    create role app login noinherit nosuperuser nobypassrls;
    grant anon, authenticated, service_role to app with inherit false, set true`);
  await client.end();
}
