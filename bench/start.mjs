// How long a start takes, and which process takes what of it: seconds, and processor seconds by process.
// Needs Linux, and a quiet machine. Usage: npm run up, then node bench/start.mjs [--help]
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HELP = `node bench/start.mjs [--rounds N] [--only NAME] | --cold

  Measures on the local stack that is up, with nothing to do: \`npm run up\`, \`npm run preview\`, and
  \`pulumi preview\` with the policy pack and without it. Medians, and the range of the seconds.

  --rounds  How often each is run, in turn. Default: 5.
  --only    Just one of: up, preview, pulumi, no-pack.
  --cold    Measures instead the first \`npm run up\` of what is committed, in a clone and with caches of
            npm, Go, Python and the project of its own. Takes about 10 minutes and 12 GB of disk.
`;
const PROJECT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
/** What a process is called here, by what its command line contains; the first one counts. */
const NAMES = [
  [/cmd\/dynamic-provider/, "dynamic provider"],
  [/run-policy-pack|deferred-modules\.cjs \S+\/policy$/, "policy pack"],
  [/cmd\/run(\/| |$)/, "program"],
  [/pulumi-language-nodejs/, "language host"],
  [/pulumi-resource-(aws|postgresql|random)/, "$1 plugin"],
  [/^(\S*\/)?pulumi /, "CLI"],
  [/types\/main\.mjs/, "generated types"],
  [/tools\/main\.mjs|^npm /, "npm and tools"],
];
const SAMPLE_MS = 40;
const TICKS_PER_SECOND = 100;

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    cold: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (options.help) process.stdout.write(HELP);
else if (options.cold) await cold();
else await warm();

/** Measures the everyday commands. */
async function warm() {
  const environment = readEnvironment();
  const variants = {
    up: ["npm", ["run", "--silent", "up"], process.env],
    preview: ["npm", ["run", "--silent", "preview"], process.env],
    pulumi: ["pulumi", ["preview"], environment],
    "no-pack": ["pulumi", ["preview"], { ...environment, PULUMI_OPTION_POLICY_PACK: "" }],
  };
  const names = options.only ? [options.only] : Object.keys(variants);
  if (!names.every((name) => name in variants)) throw new Error(`--only ${options.only}: ${HELP}`);
  const servers = serverProcesses();
  const runs = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const name of names) runs[name].push(await measure(variants[name], servers));
  }
  for (const name of names) print(name, runs[name]);
}

/** Measures the first start; says its steps as they are done. */
async function cold() {
  const directory = mkdtempSync(path.join(tmpdir(), "app-data-cold-"));
  const cwd = path.join(directory, "clone");
  const folder = (name) => path.join(directory, name);
  const env = {
    ...process.env,
    XDG_CACHE_HOME: folder("cache"),
    APP_DATA_CACHE: folder("app-data"),
    APP_DATA_HOME: folder("stack"),
    npm_config_cache: folder("npm"),
    GOPATH: folder("go"),
    GOMODCACHE: folder("go/pkg/mod"),
    GOCACHE: folder("go-build"),
    // Go write-protects its modules, and they are to be removed.
    GOFLAGS: "-modcacherw",
  };
  const clone = spawnSync("git", ["clone", "--quiet", PROJECT, cwd], { encoding: "utf8" });
  if (clone.status !== 0) throw new Error(`git clone failed: ${clone.stderr}`);
  const sayStep = (line) => {
    if (/done in \d|… \d+ s|is up \(/.test(line)) console.log(line);
  };
  try {
    print("cold", [await run("npm", ["run", "--silent", "up"], { cwd, env }, sayStep)]);
  } finally {
    spawnSync("npm", ["run", "--silent", "down", "--", "--purge"], { cwd, env });
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 1_000 });
  }
}

/** Runs a command that has nothing to do, and asks the servers, too. */
async function measure([command, args, env], servers) {
  const before = readServers(servers);
  const { output, ...taken } = await run(command, args, { cwd: PROJECT, env });
  if (!/\d+ unchanged/.test(output)) throw new Error(`There is something to do:\n${output}`);
  for (const [name, ticks] of Object.entries(readServers(servers))) {
    taken.processes[name] = (ticks - before[name]) / TICKS_PER_SECOND;
  }
  return taken;
}

/** @returns seconds, processor seconds by process, and what was written. */
async function run(command, args, options, say = () => {}) {
  const begin = process.hrtime.bigint();
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      output += data;
      String(data).split("\n").forEach(say);
    });
  }
  const taken = new Map();
  const sampling = setInterval(() => sample(child.pid, taken), SAMPLE_MS);
  const code = await new Promise((resolve, reject) =>
    child.once("error", reject).once("close", resolve),
  ).finally(() => clearInterval(sampling));
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${output}`);
  const processes = {};
  for (const { name, ticks } of taken.values()) {
    processes[name] = (processes[name] ?? 0) + ticks / TICKS_PER_SECOND;
  }
  return { seconds, processes, output };
}

/** Takes down what each descendant of a process has used so far. */
function sample(root, taken) {
  const processes = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readStat(entry);
    if (stat) processes.set(Number(entry), stat);
  }
  for (const [pid, { ticks }] of processes) {
    let ancestor = pid;
    while (ancestor > 1 && ancestor !== root) ancestor = processes.get(ancestor)?.parent ?? 0;
    if (ancestor !== root) continue;
    // By its latest name: a script becomes what it starts.
    taken.set(pid, { name: nameOf(pid) ?? taken.get(pid)?.name ?? "other", ticks });
  }
}

/** @returns undefined of a process that has ended. */
function readStat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [, parent, , , , , , , , , , user, system, childUser, childSystem] = fields.map(Number);
    return { parent, ticks: user + system, withChildren: user + system + childUser + childSystem };
  } catch {
    return undefined;
  }
}

function nameOf(pid) {
  const line = readCommandLine(pid);
  if (line === "") return undefined;
  for (const [pattern, name] of NAMES) {
    const match = pattern.exec(line);
    if (match) return name.replace("$1", match[1]);
  }
  return path.basename(line.split(" ")[0]);
}

/** @returns "" of a process that has ended. */
function readCommandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

function serverProcesses() {
  const { status, stdout, stderr } = spawnSync(
    "npm",
    ["run", "--silent", "status", "--", "--json"],
    {
      cwd: PROJECT,
    },
  );
  if (status !== 0) throw new Error(`npm run status failed: ${stderr}`);
  const { emulator, postgres } = JSON.parse(stdout);
  return { emulator: emulator.pid, PostgreSQL: postgres.pid };
}

function readServers(servers) {
  return Object.fromEntries(
    Object.entries(servers).map(([name, pid]) => [name, readStat(pid)?.withChildren ?? 0]),
  );
}

/** What `eval "$(npm run --silent env)"` gives a shell. */
function readEnvironment() {
  const script = 'eval "$(npm run --silent env)" && env -0';
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { cwd: PROJECT });
  if (status !== 0) throw new Error(`npm run env failed: ${stderr}`);
  const entries = stdout.toString("utf8").split("\0").filter(Boolean);
  return Object.fromEntries(
    entries.map((entry) => [
      entry.slice(0, entry.indexOf("=")),
      entry.slice(entry.indexOf("=") + 1),
    ]),
  );
}

function print(name, runs) {
  const seconds = runs.map((run) => run.seconds);
  const names = [...new Set(runs.flatMap(({ processes }) => Object.keys(processes)))];
  const shares = names
    .map((each) => [each, median(runs.map(({ processes }) => processes[each] ?? 0))])
    .sort(([, a], [, b]) => b - a);
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  console.log(
    `${name}: ${median(seconds).toFixed(1)} s (${Math.min(...seconds).toFixed(1)} to ` +
      `${Math.max(...seconds).toFixed(1)}), processor ${total.toFixed(1)} s`,
  );
  for (const [each, share] of shares.filter(([, share]) => share >= 0.01))
    console.log(`  ${each.padEnd(20)} ${share.toFixed(2)}`);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
