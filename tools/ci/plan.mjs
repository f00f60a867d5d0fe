// node tools/ci/plan.mjs STACK: shows the plan of the migrations to whoever approves the update, and hands
// its hash on, which the update is held to. Writes to GITHUB_STEP_SUMMARY and GITHUB_OUTPUT. Exit code 1
// when the database of READ_ONLY_DATABASE_URL gives no plan to hold an update to, 2 on a wrong call.
import { appendFileSync } from "node:fs";
import { URL_VARIABLE, migrationPlan } from "./migration-plan.mjs";
import { fenced } from "./preview-comment.mjs";

/** @param {string[]} args */
function main([stack, ...rest]) {
  const { GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: outputs } = process.env;
  if (!stack || rest.length > 0 || !summary || !outputs) {
    console.error(
      "Usage: GITHUB_STEP_SUMMARY=FILE GITHUB_OUTPUT=FILE node tools/ci/plan.mjs STACK",
    );
    return 2;
  }
  const { code, out, err, hash } = migrationPlan(stack);
  const text = code === 0 ? out : err;
  appendFileSync(summary, `## ${stack}: the plan of the migrations\n\n${fenced(text)}\n`);
  if (process.env[URL_VARIABLE]) {
    if (code === 0 && hash !== undefined) {
      appendFileSync(outputs, `hash=${hash}\n`);
      return 0;
    }
    console.error(`${stack} was not updated: there is no plan to hold it to.\n${text.trim()}`);
    return 1;
  }
  appendFileSync(
    summary,
    `\n${URL_VARIABLE} is not set, so there is no plan to hold this update to: dev goes on, and others where nothing is pending.\n`,
  );
  appendFileSync(outputs, "hash=\n");
  return code === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
