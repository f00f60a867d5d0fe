// The plan of a stack's migrations, for whoever approves it.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = path.resolve(fileURLToPath(import.meta.url), "../../..");
const MIGRATOR = path.join(PROJECT, "migrator/bin/migrator.mjs");
const MOST_OUTPUT = 256 * 1024 * 1024;

/** The variable with the URL of a role that reads the stack's database and writes nothing. */
export const URL_VARIABLE = "READ_ONLY_DATABASE_URL";

/**
 * Runs a program of the project to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [more] variables, besides those of this process.
 * @returns {{ code: number, out: string, err: string }}
 */
export function run(command, args, more = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...{ cwd: PROJECT, env: { ...process.env, ...more }, maxBuffer: MOST_OUTPUT },
    encoding: "utf8",
  });
  if (error) return { code: 127, out: "", err: error.message };
  return { code: status ?? 128, out: stdout, err: stderr };
}

/**
 * Plans up to the stack's target: on the database where it may be read, else from the files.
 * @param {string} stack
 * @returns {{ code: number, out: string, err: string, hash: string | undefined }} `hash` is what an update
 * can be held to; undefined where it cannot.
 */
export function migrationPlan(stack) {
  const target = run("pulumi", [
    ...["config", "get", "--path", "migrations.target", "--stack", stack],
  ]);
  const version = target.code === 0 ? target.out.trim() : "";
  const plan = run(process.execPath, [
    ...[MIGRATOR, "plan", ...(version ? ["--target", version] : [])],
    ...(process.env[URL_VARIABLE] ? ["--url-variable", URL_VARIABLE] : ["--files"]),
  ]);
  return { ...plan, hash: /^(?:Nothing to do\. )?Plan ([0-9a-f]{64})$/m.exec(plan.out)?.[1] };
}
