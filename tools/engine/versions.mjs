// Which versions the engine has to have: those of the npm packages in the lockfile.
import { readFileSync } from "node:fs";
import path from "node:path";

import { EngineError } from "./engine-error.mjs";

/** The resource plugins of this stack; each has an npm package `@pulumi/<name>`. */
export const PLUGINS = ["aws", "postgresql", "random"];

/**
 * Reads the versions of `@pulumi/pulumi` and of the plugins' packages, so that the engine cannot
 * differ from them. From the lockfile: the engine can be built while the packages are installed.
 * @param {string} projectDirectory The folder that holds `package-lock.json`.
 * @returns {Record<string, string>} Versions such as `7.48.0` by package name without its scope.
 * @throws {EngineError} ENG001 when the lockfile does not name a package.
 */
export function readVersions(projectDirectory) {
  const file = path.join(projectDirectory, "package-lock.json");
  /** @type {Record<string, { version?: string }>} */
  let packages = {};
  try {
    packages = JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch (cause) {
    throw unnamed("pulumi", file, cause);
  }
  return Object.fromEntries(
    ["pulumi", ...PLUGINS].map((name) => {
      const version = packages[`node_modules/@pulumi/${name}`]?.version;
      if (version === undefined) throw unnamed(name, file);
      return [name, version];
    }),
  );
}

/**
 * @param {string} name
 * @param {string} file
 * @param {unknown} [cause]
 */
function unnamed(name, file, cause) {
  return new EngineError(
    "ENG001",
    `${file} names no version of @pulumi/${name}, and the engine takes its version from there. ` +
      "Bring the file back from version control, or make it with `npm install`.",
    { cause },
  );
}

/**
 * Compares two versions of the form `v1.2.3`, `1.2.3-rc.1` or `go1.26.3`.
 * @param {string} left
 * @param {string} right
 * @returns {number} Negative when `left` is older, 0 when equal, positive when newer. A
 * pre-release is older than its release; two pre-releases of one release count as equal.
 */
export function compareVersions(left, right) {
  const [a, b] = [parse(left), parse(right)];
  for (let i = 0; i < 4; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** @param {string} version */
function parse(version) {
  const match = /^(?:v|go)?(\d+)\.(\d+)(?:\.(\d+))?(-|rc|beta)?/.exec(version.trim());
  if (!match) throw new TypeError(`not a version: ${JSON.stringify(version)}`);
  const [, major, minor, patch, prerelease] = match;
  return [Number(major), Number(minor), Number(patch ?? 0), prerelease ? -1 : 0];
}
