import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PARTS, type Part, processesOf, pulumiProcesses } from "./local-home";
import { adviceIn, runCommand, RunningCommand } from "./running-command";

const MINUTES = 60_000;
/** When a run is hit, by what it has printed. */
const MOMENTS = {
  "before the first resource": /Updating \(local\)/,
  "while AWS resources are made": /aws:kms:Key \S+ creating/,
  "while roles are made": /postgresql:index:Role \S+ creating/,
  "while a migration runs": /:Migration migrations-001\S* creating/,
  "while the last resources are waited for": /:SchemaAttestation \S+ (?:created|updated)/,
};
type Moment = keyof typeof MOMENTS;
const moments = Object.keys(MOMENTS) as Moment[];

/** A part of a run that is killed, and when. */
type Kill = readonly [Part, Moment];

/**
 * Each part at each moment takes an hour; by default each part is killed once and each moment is hit
 * once. Before the first resource there is nothing to lose, so that stack is hit again.
 */
const firstRuns: Kill[][] =
  process.env["APP_DATA_KILLS"] === "all"
    ? PARTS.flatMap((part) => moments.map((moment): Kill[] => [[part, moment]]))
    : [
        [
          ["pulumi", "before the first resource"],
          ["tool", "while the last resources are waited for"],
        ],
        [["emulator", "while AWS resources are made"]],
        [["postgres", "while roles are made"]],
        [["plugin", "while a migration runs"]],
      ];
const cases = firstRuns.map((hits) => ({
  hits,
  title: hits.map(([part, moment]) => `${part} is killed ${moment}`).join(", "),
}));

const homes: string[] = [];
function newHome(): string {
  const home = mkdtempSync(path.join(tmpdir(), "app-data-kills-"));
  homes.push(home);
  return home;
}

// Of a test that failed.
afterAll(async () => {
  for (const home of homes) {
    await runCommand("npm run down -- --purge", home);
    rmSync(home, { recursive: true, force: true });
  }
}, 10 * MINUTES);

/** Runs `npm run up`, as `line` has it, and kills one of its parts at a moment. @returns what was printed. */
async function killed(home: string, line: string, [part, moment]: Kill): Promise<string> {
  const up = new RunningCommand(line, home);
  await up.prints(MOMENTS[moment]);
  const hit = processesOf(home, part);
  expect(hit).not.toEqual([]);
  for (const pid of hit) process.kill(pid, "SIGKILL");
  await up.code;
  return up.output;
}

/** Follows what an unfinished run has printed, until the stack is up. */
async function followAdvice(home: string, output: string): Promise<void> {
  // A run that is told to end finishes what it is doing, so the next may be refused once more.
  for (let tries = 0; tries < 10; tries += 1) {
    const advice = adviceIn(output);
    const next = await runCommand(advice, home);
    if (isUp(next.output)) return;
    // `kill` prints nothing, and what it ends takes a moment.
    output = advice.startsWith("kill") ? TRY_AGAIN : next.output;
  }
  throw new Error(`There was no way out:\n${output}`);
}

const TRY_AGAIN = "As before: npm run up";
const isUp = (output: string) => output.includes('The stack "local" is up');

describe("a first run", () => {
  it.concurrent.each(cases)(
    "whose $title is gone on with by what is printed, and leaves no process",
    async ({ hits }) => {
      const home = newHome();
      let output = "As the README says: npm run up";
      for (const hit of hits) {
        output = await killed(home, adviceIn(output), hit);
        // Nothing says so any more: who sees that tries again.
        if (hit[0] === "tool" && !isUp(output)) output = TRY_AGAIN;
      }
      if (!isUp(output)) await followAdvice(home, output);
      expect(pulumiProcesses(home)).toEqual([]);
      await runCommand("npm run down -- --purge", home);
      for (const each of PARTS) expect(processesOf(home, each)).toEqual([]);
    },
    60 * MINUTES,
  );
});
