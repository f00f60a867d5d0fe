// Makes a machine ready: npm packages, the compiled workspaces, the engine and the emulator.
// Each is skipped when nothing changed since it was last done.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { endGo } from "./engine/go.mjs";
import { ensureEngine } from "./engine/index.mjs";
import { withFolderLock } from "./lock.mjs";
import { installEmulator } from "./local/emulator.mjs";
import { report, step } from "./report.mjs";

/** The project's folder. */
export const PROJECT = path.resolve(import.meta.dirname, "..");

/** The compiler; what Pulumi compiles programs with is an older one, `typescript`. */
export const COMPILER = path.join(PROJECT, "node_modules/typescript-7/bin/tsc");

const WORKSPACES = ["rules", "migrator", "types", "trial", "policy", "src"];

/**
 * Does what is missing.
 * @returns `{ engine, python }`: the Pulumi engine as `ensureEngine` gives it, and the emulator's Python.
 */
export async function prepare() {
  // Only the compiler needs the packages; the engine takes minutes of its own.
  const steps = [
    preparePackages(),
    installEmulator({ report }),
    ensureEngine({ projectDirectory: PROJECT, report }),
  ];
  try {
    const [, python, engine] = await Promise.all(steps);
    return { engine, python };
  } catch (error) {
    endGo();
    await Promise.allSettled(steps);
    throw error;
  }
}

/** As {@link prepare}, without the emulator: for stacks that are elsewhere. @returns the engine. */
export async function prepareEngine() {
  await preparePackages();
  return ensureEngine({ projectDirectory: PROJECT, report });
}

function preparePackages() {
  return withFolderLock(PROJECT, async () => {
    await installPackages();
    await compileWorkspaces();
  });
}

async function installPackages() {
  const installed = path.join(PROJECT, "node_modules", ".package-lock.json");
  if (changedAt(installed) >= changedAt(path.join(PROJECT, "package-lock.json"))) return;
  // The lockfile says by checksum what is installed, so what npm has of it already will do.
  const args = ["ci", "--prefer-offline", "--no-audit", "--no-fund"];
  await step("npm packages: npm ci", () => run("npm", args));
  const now = new Date();
  utimesSync(installed, now, now);
}

/** Compiles the workspaces, where a source is newer than what was compiled. */
export async function compileWorkspaces() {
  const stamp = path.join(PROJECT, "node_modules", ".app-data-compiled");
  const sources = WORKSPACES.flatMap((name) =>
    // The client library is the folder `src` itself, with what is compiled in it.
    filesUnder(path.join(PROJECT, name === "src" ? name : `${name}/src`)).filter(
      (file) => !file.startsWith(path.join(PROJECT, name, "dist")),
    ),
  );
  const built = WORKSPACES.every((name) => existsSync(path.join(PROJECT, name, "dist")));
  if (built && changedAt(stamp) > Math.max(...sources.map(changedAt))) return;
  // The output of a file that was renamed would stay, and be loaded in place of the new one.
  for (const name of WORKSPACES)
    rmSync(path.join(PROJECT, name, "dist"), { recursive: true, force: true });
  await step("Workspaces: compiling rules, migrator, types, trial, policy and the client", () =>
    run(process.execPath, [COMPILER, "--build", ...WORKSPACES]),
  );
  writeFileSync(stamp, "");
}

/** Every file and folder below a folder: a deleted file changes its folder. */
function filesUnder(directory) {
  const entries = readdirSync(directory, { recursive: true });
  return [directory, ...entries.map((entry) => path.join(directory, entry))];
}

/** When a file was last changed, in milliseconds; 0 when it is not there. */
function changedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * Runs a program that is silent unless it fails.
 * @returns {Promise<void>}
 */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: PROJECT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => (output += data));
    child.once("error", reject).once("close", (code) => {
      if (code === 0) return resolve();
      reject(new Error(`${path.basename(command)} ${args[0]} failed (${code}):\n${output.trim()}`));
    });
  });
}
