// Which versions the engine has to have: those of the npm packages that are installed.
import { readFileSync } from "node:fs";
import path from "node:path";

import { EngineError } from "./engine-error.mjs";

/** The resource plugins of this stack; each has an npm package `@pulumi/<name>`. */
export const PLUGINS = ["aws", "postgresql", "random"];

/**
 * Reads the versions of `@pulumi/pulumi` and of the plugins' packages, so that the engine cannot
 * differ from them.
 * @param {string} projectDirectory The folder that holds `node_modules`.
 * @returns {Record<string, string>} Versions such as `7.48.0` by package name without its scope.
 * @throws {EngineError} ENG001 when a package is not installed.
 */
export function readVersions(projectDirectory) {
  /** @type {Record<string, string>} */
  const versions = {};
  for (const name of ["pulumi", ...PLUGINS]) {
    const file = path.join(projectDirectory, "node_modules", "@pulumi", name, "package.json");
    try {
      versions[name] = String(JSON.parse(readFileSync(file, "utf8")).version);
    } catch (cause) {
      throw new EngineError(
        "ENG001",
        `@pulumi/${name} is not installed in ${projectDirectory}; the engine takes its version ` +
          "from it. Run `npm ci` there first.",
        { cause },
      );
    }
  }
  return versions;
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
