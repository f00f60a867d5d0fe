// Other versions of Node.js than the one that runs, for the tests. npm's packages carry the programs;
// node-versions.json says which package is one, and the checksum that it must have.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "./cache.mjs";
import { step } from "./report.mjs";

const PINS = "tools/node-versions.json";
const IN_PACKAGE = "package/bin/node";

const exec = promisify(execFile);

/**
 * Makes sure that a Node.js is in the user's cache, and fetches it when it is not.
 * @param options `major`: the version, such as "24"; `platform`: operating system and processor;
 * `pins`: the content of node-versions.json.
 * @returns the folder for PATH that holds `node`.
 */
export async function ensureNode({ major, platform = here(), pins = readPins() }) {
  const pin = pinned(major, platform, pins);
  const digest = createHash("sha256").update(pin.integrity).digest("hex").slice(0, 16);
  const folder = path.join(cacheDirectory(), `node-${major}-${digest}`);
  if (!existsSync(folder))
    await step(`Node.js ${major}: ${pin.package}`, () => fetchTo(folder, pin));
  return path.join(folder, path.dirname(IN_PACKAGE));
}

function here() {
  return `${process.platform}-${process.arch}`;
}

function readPins() {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, "node-versions.json"), "utf8"));
}

function pinned(major, platform, pins) {
  const platforms = pins[major];
  if (!platforms) {
    const known = Object.keys(pins).join(", ");
    throw new Error(`${PINS} has no Node.js "${major}". Choose one of ${known}, or add it there.`);
  }
  const pin = platforms[platform];
  if (pin) return pin;
  throw new Error(
    `${PINS} has Node.js ${major} for ${Object.keys(platforms).join(", ")}, not for ${platform}. ` +
      `Install Node.js ${major}, put it first on PATH, and run \`npm test\` without --node.`,
  );
}

/** Another process may do the same: the folder appears at once, complete. */
async function fetchTo(folder, pin) {
  mkdirSync(path.dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  try {
    const archive = path.join(unfinished, await download(pin.package, unfinished));
    verify(archive, pin);
    await exec("tar", ["-xzf", archive, "-C", unfinished, "--no-same-owner", IN_PACKAGE]);
    rmSync(archive);
    await tryOut(path.join(unfinished, IN_PACKAGE), pin.package);
    renameUnlessThere(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** @returns the file's name. */
async function download(name, folder) {
  const args = ["pack", name, "--prefer-offline", "--pack-destination", folder];
  try {
    // --json would list thousands of files.
    const { stdout } = await exec("npm", [...args, "--loglevel", "error"]);
    return stdout.trim();
  } catch (error) {
    throw new Error(
      `npm could not fetch ${name}, which needs npm's registry once:\n${error.stderr?.trim() || error.message}`,
      { cause: error },
    );
  }
}

function verify(archive, pin) {
  const found = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (found === pin.integrity) return;
  throw new Error(
    `${pin.package} has the checksum ${found}, and ${PINS} requires ${pin.integrity}. It was not kept. ` +
      "Find out where npm got it from (`npm config get registry`).",
  );
}

/** It may be made for another C library. */
async function tryOut(program, name) {
  try {
    await exec(program, ["--version"]);
  } catch (error) {
    throw new Error(
      `The Node.js of ${name} does not run on this machine:\n${error.stderr?.trim() || error.message}`,
      { cause: error },
    );
  }
}

function renameUnlessThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}
