// Where built engines are kept.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/**
 * The folder of everything that this project caches for its user, shared by all clones.
 * @param {NodeJS.ProcessEnv} [environment] `APP_DATA_CACHE` names the folder itself;
 * `XDG_CACHE_HOME` the folder it is in.
 * @returns {string} An absolute path.
 */
export function cacheFolder(environment = process.env) {
  const { APP_DATA_CACHE, XDG_CACHE_HOME } = environment;
  if (APP_DATA_CACHE) return path.resolve(APP_DATA_CACHE);
  return path.join(XDG_CACHE_HOME || path.join(homedir(), ".cache"), "app-data");
}

/**
 * The key of an engine: two checkouts share one when everything that it is made from is the same.
 * @param {string} sources The folder `tools/engine`; its Markdown files do not count.
 * @param {Record<string, string>} versions See `readVersions`.
 * @param {string} [platform] Operating system and processor.
 * @returns {string} 16 hexadecimal digits.
 */
export function engineKey(sources, versions, platform = `${process.platform}-${process.arch}`) {
  const hash = createHash("sha256").update(JSON.stringify([platform, Object.entries(versions)]));
  for (const file of listFiles(sources)) {
    if (file.endsWith(".md")) continue;
    const content = readFileSync(path.join(sources, file));
    hash.update(JSON.stringify([file, content.length])).update(content);
  }
  return hash.digest("hex").slice(0, 16);
}

/**
 * The files below a folder, sorted, as paths relative to it with forward slashes.
 * @param {string} folder
 * @returns {string[]}
 */
function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .map((file) => file.split(path.sep).join("/"))
    .sort();
}
