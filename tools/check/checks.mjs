// What a check is, and how a list of them is run and printed.

/**
 * @typedef {object} Verdict
 * @property {"ok" | "failed" | "skipped"} state
 * @property {string} says What was found; of a failure, also what to do.
 *
 * @typedef {object} Check
 * @property {string} name
 * @property {() => Promise<Verdict>} run An error that it throws is a failure.
 *
 * @typedef {Verdict & { name: string }} Outcome
 */

/** @param {string} says @returns {Verdict} */
export const ok = (says) => ({ state: "ok", says });
/** @param {string} says @returns {Verdict} */
export const failed = (says) => ({ state: "failed", says });
/** @param {string} says @returns {Verdict} */
export const skipped = (says) => ({ state: "skipped", says });

/**
 * Runs all checks, one after the other, whatever the others find.
 * @param {readonly Check[]} checks
 * @param {(outcome: Outcome) => void} [done] is told each outcome at once.
 * @returns {Promise<Outcome[]>}
 */
export async function runChecks(checks, done = () => undefined) {
  const outcomes = [];
  for (const { name, run } of checks) {
    const verdict = await run().catch((error) => failed(error.message));
    const outcome = { name, ...verdict };
    outcomes.push(outcome);
    done(outcome);
  }
  return outcomes;
}

/**
 * One line.
 * @param {Outcome} outcome
 */
export function renderOutcome({ name, state, says }) {
  return `${state.padEnd(8)}${name.padEnd(24)}${says.trim().replace(/\s*\n\s*/g, " ")}`;
}

/** The last line. @param {readonly Outcome[]} outcomes */
export function renderSum(outcomes) {
  const count = (state) => outcomes.filter((outcome) => outcome.state === state).length;
  return `${count("ok")} ok, ${count("failed")} failed, ${count("skipped")} skipped`;
}

/** Whether nothing failed. @param {readonly Outcome[]} outcomes */
export function allHold(outcomes) {
  return !outcomes.some(({ state }) => state === "failed");
}
