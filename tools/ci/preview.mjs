// node tools/ci/preview.mjs STACK FILE: previews a stack with the policy pack and writes what a reviewer
// needs to know as Markdown. Exit code 1 when the preview fails or a policy refuses, 2 on a wrong call.
import { writeFileSync } from "node:fs";
import { policyFindings } from "../audit/policy-events.mjs";
import { migrationPlan, run } from "./migration-plan.mjs";
import { previewComment } from "./preview-comment.mjs";

/** @param {string[]} args */
function main([stack, file, ...rest]) {
  if (!stack || !file || rest.length > 0) {
    console.error("Usage: node tools/ci/preview.mjs STACK FILE");
    return 2;
  }
  const preview = run(
    "pulumi",
    ["preview", "--json", "--non-interactive", "--stack", stack, "--policy-pack", "policy"],
    // One event a line, policy findings among them; without it they are left out of the JSON.
    { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true" },
  );
  const findings = policyFindings(preview.out);
  const plan = migrationPlan(stack);
  writeFileSync(file, previewComment({ stack, preview, findings, plan }));
  return preview.code === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
