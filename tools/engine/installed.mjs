// The Pulumi CLI that the user has installed.
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import path from "node:path";

import { compareVersions } from "./versions.mjs";

/** The file that marks the folder of an engine of ours. */
export const MARKER = "app-data-engine.json";

/**
 * Looks for a CLI on PATH, other than one that this project has built: a shell that has our own
 * environment is no different from one that has not.
 * @param {string} required The oldest version that will do, such as `3.248.0`.
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {Promise<{ pulumi: string, version: string, usable: boolean } | undefined>} The path of
 * the first CLI on PATH and its version as it prints it, or undefined when there is none.
 */
export async function findInstalled(required, environment = process.env) {
  for (const folder of (environment["PATH"] ?? "").split(path.delimiter)) {
    const pulumi = path.resolve(folder, "pulumi");
    if (folder === "" || !isExecutable(pulumi) || isOurs(pulumi)) continue;
    const version = await printedVersion(pulumi, environment);
    return {
      pulumi,
      version,
      usable: isVersion(version) && compareVersions(version, required) >= 0,
    };
  }
  return undefined;
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @param {string} pulumi */
function isOurs(pulumi) {
  return existsSync(path.join(path.dirname(realpathSync(pulumi)), "..", MARKER));
}

/** @param {string} text */
function isVersion(text) {
  return /^v\d+\.\d+\.\d+/.test(text);
}

/**
 * @param {string} pulumi
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string>} What the CLI says, or why it says nothing.
 */
function printedVersion(pulumi, environment) {
  const env = { ...environment, PULUMI_SKIP_UPDATE_CHECK: "true" };
  return new Promise((resolve) => {
    execFile(pulumi, ["version"], { env, timeout: 20_000 }, (error, stdout) => {
      resolve(error ? "a version that it does not tell" : stdout.trim());
    });
  });
}
