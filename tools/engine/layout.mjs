// What a built engine consists of, and where.
import { existsSync } from "node:fs";
import path from "node:path";

import { PLUGINS } from "./versions.mjs";

/**
 * @typedef {object} Layout
 * @property {string} folder
 * @property {string} bin For PATH: the CLI and what it looks for beside itself.
 * @property {string} home For PULUMI_HOME: the CLI looks there for plugins.
 * @property {string} pulumi
 * @property {string} languageHost
 * @property {string[]} plugins One file under several names; a plugin reads its own name.
 * @property {string} dynamicProvider
 * @property {string} work Sources and unfinished binaries.
 * @property {string} log
 */

/**
 * @param {string} folder
 * @param {Record<string, string>} versions See `readVersions`.
 * @returns {Layout} Absolute paths when `folder` is one.
 */
export function layout(folder, versions) {
  const bin = path.join(folder, "bin");
  const home = path.join(folder, "home");
  return {
    folder,
    bin,
    home,
    pulumi: path.join(bin, "pulumi"),
    languageHost: path.join(bin, "pulumi-language-nodejs"),
    plugins: PLUGINS.map((name) =>
      path.join(home, `plugins/resource-${name}-v${versions[name]}/pulumi-resource-${name}`),
    ),
    dynamicProvider: path.join(bin, "pulumi-resource-pulumi-nodejs"),
    work: path.join(folder, "work"),
    log: path.join(folder, "build.log"),
  };
}

/**
 * Whether every binary is in place; each one is put there complete.
 * @param {Layout} engine
 */
export function isBuilt(engine) {
  return [engine.pulumi, engine.languageHost, ...engine.plugins, engine.dynamicProvider].every(
    (file) => existsSync(file),
  );
}
