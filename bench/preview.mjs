// What the policy pack adds to a preview with nothing to do: seconds of `pulumi preview` on the local stack,
// with the pack and without it in turn. The processor time is that of the whole machine, so it should be quiet.
// Usage: npm run up, then node bench/preview.mjs [rounds]
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const [rounds = "5"] = process.argv.slice(2);
const environment = readEnvironment();
const variants = {
  "with the pack": environment,
  "without it": { ...environment, PULUMI_OPTION_POLICY_PACK: "" },
};
const taken = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));

for (let round = 0; round < Number(rounds); round += 1) {
  for (const [name, env] of Object.entries(variants)) taken[name].push(preview(env));
}
for (const name of Object.keys(variants)) {
  const of = (key) => taken[name].map((run) => run[key]);
  console.log(
    `${name.padEnd(14)} ${median(of("seconds")).toFixed(2)} s (${Math.min(...of("seconds")).toFixed(2)} to ` +
      `${Math.max(...of("seconds")).toFixed(2)}), processor ${median(of("processor")).toFixed(2)} s`,
  );
}
const [withPack, without] = Object.values(taken);
const added = (key) => median(withPack.map((run, round) => run[key] - without[round][key]));
console.log(
  `the pack adds  ${added("seconds").toFixed(2)} s, processor ${added("processor").toFixed(2)} s ` +
    `(medians of ${rounds} differences)`,
);

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

function preview(env) {
  const [begin, busy] = [process.hrtime.bigint(), busySeconds()];
  const { status, stdout, stderr } = spawnSync("pulumi", ["preview"], { cwd: PROJECT, env });
  if (status !== 0) throw new Error(`pulumi preview failed:\n${stdout}${stderr}`);
  if (!/\d+ unchanged/.test(stdout)) throw new Error(`The preview has something to do:\n${stdout}`);
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  return { seconds, processor: busySeconds() - busy };
}

/** Seconds in which the processors of this machine were not idle. */
function busySeconds() {
  const times = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return times.reduce((sum, each) => sum + each, 0) / 1000;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
