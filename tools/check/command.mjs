// npm run check:before and npm run check:after: the checklists of a deployment, as far as a program can
// go through them.
import { checksAfter } from "./after.mjs";
import { checksBefore } from "./before.mjs";
import { allHold, renderOutcome, renderSum, runChecks } from "./checks.mjs";
import { openContext } from "./context.mjs";

/**
 * @typedef {object} Options
 * @property {string} [stack] its name; the local one when absent.
 * @property {boolean} [json] one document in place of the lines.
 */

/** @param {Options} options */
export const checkBefore = (options) => check(checksBefore, options);
/** @param {Options} options */
export const checkAfter = (options) => check(checksAfter, options);

/**
 * @param {(context: import("./context.mjs").Context) => import("./checks.mjs").Check[]} checksOf
 * @param {Options} options
 * @returns {Promise<number>} 0; 1 when a check failed.
 */
async function check(checksOf, { stack, json = false }) {
  const context = await openContext(stack);
  const print = json ? undefined : (outcome) => console.log(renderOutcome(outcome));
  const checks = await runChecks(checksOf(context), print);
  const ok = allHold(checks);
  const { name } = context.stack;
  const { environment } = context;
  console.log(
    json
      ? JSON.stringify({ stack: name, environment, ok, checks }, undefined, 2)
      : renderSum(checks),
  );
  return ok ? 0 : 1;
}
