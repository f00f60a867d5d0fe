// How the schema bears many rows: the document's queries under row level security, and what a
// completed session costs, from 10,000 to 10 million sessions. Ends with exit code 1 when a limit is
// missed. Usage: npm run build, then node bench/schema/main.mjs [--help]
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { removePostgres, startPostgres, stopPostgres } from "../../tools/local/postgres.mjs";
import { measureCompletions } from "./completions.mjs";
import { drawGrowth } from "./growth-chart.mjs";
import { loadStage, prepare, ROWS_PER_USER, stagesUpTo, usersOf } from "./load.mjs";
import { measureQueries } from "./queries.mjs";

const HELP = `node bench/schema/main.mjs [--rows N] [--rounds N] [--directory FOLDER [--remove]] [--draw FILE] [--json]

  --rows       Sessions, and as many exports; a tenth as many users; a power of ten. Default: 10000000,
               which takes about 16 GB of disk. Each power of ten from 10,000 on is measured.
  --rounds     How often each is measured. Default: 300.
  --directory  Where the server and what was measured are kept. A second run goes on where the
               first was cut off, and measures the last size again. Without it nothing is kept.
  --remove     Deletes what that directory keeps, and does nothing else.
  --draw       Draws the growth as SVG.
  --json       Prints the figures as JSON.
`;
const SMALL = 10_000;
const MOST_MS = { overhead: 1, huge: 20 };
const MOST_GROWTH = 1.2;
/** A database that can be loaded again: what a crash of the machine takes need not be kept. */
const SETTINGS = {
  shared_buffers: "2GB",
  max_wal_size: "8GB",
  fsync: "off",
  full_page_writes: "off",
  autovacuum: "off",
};

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "10000000" },
    rounds: { type: "string", default: "300" },
    directory: { type: "string" },
    remove: { type: "boolean", default: false },
    draw: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const rows = Number(options.rows);
const rounds = Number(options.rounds);
// Otherwise a kept directory could hold a size that is no step on the way to another.
if (!/^10{4,}$/.test(options.rows))
  throw new Error(`--rows ${options.rows}: a power of ten from 10000.`);
if (options.help) process.stdout.write(HELP);
else if (options.remove) await removePostgres({ directory: options.directory });
else await main();

async function main() {
  const directory = options.directory ?? mkdtempSync(path.join(tmpdir(), "app-data-schema-"));
  try {
    const server = await startPostgres({ directory, settings: SETTINGS });
    const stages = await loadAndMeasure(server, path.join(directory, "figures.json"));
    const last = stages.at(-1);
    const completions = await measureLast(server, last.rows);
    const failings = judge(last, completions);
    if (failings.length > 0) process.exitCode = 1;
    if (options.draw) writeFileSync(options.draw, drawGrowth(chartOf(stages)));
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ stages, completions, failings })}\n`
        : draw(stages, completions, failings),
    );
  } finally {
    if (options.directory) await stopPostgres({ directory });
    else await removePostgres({ directory });
  }
}

/** What was measured at each size: now, or by a run before this one. */
async function loadAndMeasure(server, file) {
  await prepare(server, "bench");
  const known = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const stages = [];
  let before = 0;
  for (const stage of stagesUpTo(rows)) {
    const isNew = await loadStage(server, "bench", stage, before, tell);
    const measured = known.find((figures) => figures.rows === stage);
    // An earlier size can be measured only until the next one is loaded.
    if (isNew || stage === rows) {
      tell(`${stage.toLocaleString("en")} rows: measuring`);
      stages.push(await measureStage(server, stage));
      writeFileSync(file, JSON.stringify(stages));
    } else if (measured) stages.push(measured);
    before = stage;
  }
  return stages;
}

async function measureStage(server, stage) {
  const users = stage / ROWS_PER_USER;
  const queries = await measureQueries(server, { database: "bench", stage, users, rounds });
  const [overheadMs] = await measureCompletions(
    server,
    [{ database: "bench", user: usersOf(stage).busy.name, order: "in order" }],
    rounds,
  );
  return { rows: stage, queries, overheadMs };
}

/** Completions at the last size, and beside them in the smallest database. */
async function measureLast(server, stage) {
  tell("completions, beside those of a database of 10,000 rows");
  await prepare(server, "small");
  await loadStage(server, "small", SMALL, 0, tell);
  const { busy, huge } = usersOf(stage);
  const large = { database: "bench" };
  const subjects = {
    small: { database: "small", user: usersOf(SMALL).busy.name, order: "in order" },
    large: { ...large, user: busy.name, order: "in order" },
    outOfOrder: { ...large, user: busy.name, order: "out of order" },
    ordinary: { ...large, user: "1", order: "in order" },
    ...(huge && {
      huge: { ...large, user: huge.name, order: "in order", every: 5 },
      hugeOutOfOrder: { ...large, user: huge.name, order: "out of order", every: 20 },
    }),
  };
  const times = await measureCompletions(server, Object.values(subjects), rounds);
  return Object.fromEntries(Object.keys(subjects).map((name, at) => [name, times[at]]));
}

function judge({ queries }, { small, large, huge }) {
  const growth = large / small;
  return [
    ...queries.flatMap(({ name, failings }) => failings.map((failing) => `${name}: ${failing}`)),
    ...(large > MOST_MS.overhead
      ? [`a completion costs its user with 1,000 sessions more than ${MOST_MS.overhead} ms`]
      : []),
    ...(growth > MOST_GROWTH
      ? [`a completion costs ${growth.toFixed(2)} times what it costs in the small table`]
      : []),
    ...(huge > MOST_MS.huge
      ? [`a completion costs its user with 100,000 sessions more than ${MOST_MS.huge} ms`]
      : []),
  ];
}

function chartOf(stages) {
  const series = stages[0].queries.map(({ name }) => ({
    name,
    points: stages.map(({ rows: at, queries }) => [
      at,
      queries.find((query) => query.name === name).medianMs,
    ]),
  }));
  const overhead = { name: "trigger, a user with 1,000 sessions" };
  overhead.points = stages.map(({ rows: at, overheadMs }) => [at, overheadMs]);
  const lines = [...series, overhead];
  const described = lines.map(({ name, points }) => {
    const times = points.map(([at, ms]) => `${ms.toFixed(3)} ms at ${at.toLocaleString("en")}`);
    return `${name}: ${times.join(", ")}`;
  });
  return {
    title: "Time on the server, median, as the tables grow",
    description: `${described.join(". ")}. The dashed lines are the limits, 0.1 ms and 1 ms.`,
    series: lines,
    limits: [0.1, 1],
  };
}

function draw(stages, completions, failings) {
  const { queries, rows: most } = stages.at(-1);
  const ms = (value) => value.toFixed(3).padStart(9);
  const ratio = (value) => value.toFixed(2).padStart(8);
  const line = ({ name, medianMs, byHandMs, constantMs, index }) =>
    `${name.padEnd(40)}${ms(medianMs)}${ms(byHandMs)}${ratio(medianMs / byHandMs)}${ms(constantMs)}  ${index}\n`;
  const growth = stages.map(
    ({ rows: at, queries: all, overheadMs }) =>
      `${at.toLocaleString("en").padStart(12)}${[...all.map(({ medianMs }) => medianMs), overheadMs].map(ms).join("")}\n`,
  );
  const { small, large, outOfOrder, ordinary, huge, hugeOutOfOrder } = completions;
  return (
    `${most.toLocaleString("en")} sessions, as many exports; median ms on the server\n\n` +
    `${"".padEnd(40)}  policy  by hand   ratio  constant  index\n${queries.map(line).join("")}\n` +
    `What the trigger adds to a completion, ms:\n` +
    `  user with 10 sessions ${ms(ordinary)}\n` +
    `  user with 1,000       ${ms(large)}, out of order ${ms(outOfOrder)}\n` +
    (huge ? `  user with 100,000     ${ms(huge)}, out of order ${ms(hugeOutOfOrder)}\n` : "") +
    `  user with 1,000 in a table of ${SMALL.toLocaleString("en")} ${ms(small)}: grown ${(large / small).toFixed(2)} times\n\n` +
    `Growth, the queries in this order, and the trigger:\n${growth.join("")}\n` +
    (failings.length === 0 ? "all within the limits\n" : `TOO MUCH: ${failings.join("; ")}\n`)
  );
}

function tell(what) {
  process.stderr.write(`${what}\n`);
}
