// node tools/ci/preview.mjs STACK FILE: previews a stack with the policy pack and writes what a reviewer
// needs to know as Markdown. Exit code 1 when the preview fails or a policy refuses, 2 on a wrong call.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { policyFindings } from "../audit/policy-events.mjs";
import { previewComment } from "./preview-comment.mjs";

const PROJECT = path.resolve(fileURLToPath(import.meta.url), "../../..");
const MIGRATOR = path.join(PROJECT, "migrator/bin/migrator.mjs");
const MOST_OUTPUT = 256 * 1024 * 1024;
const URL_VARIABLE = "READ_ONLY_DATABASE_URL";

function run(command, args, more = {}) {
  const env = { ...process.env, ...more };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...{ cwd: PROJECT, env, maxBuffer: MOST_OUTPUT },
    encoding: "utf8",
  });
  if (error) return { code: 127, out: "", err: error.message };
  return { code: status ?? 128, out: stdout, err: stderr };
}

/** The plan of the migrations: of the live database where it may be read, else of the files. */
function migrationPlan() {
  const live = process.env[URL_VARIABLE] ? ["--url-variable", URL_VARIABLE] : ["--files"];
  return run(process.execPath, [MIGRATOR, "plan", ...live]);
}

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
  const plan = migrationPlan();
  writeFileSync(file, previewComment({ stack, preview, findings, plan }));
  return preview.code === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
