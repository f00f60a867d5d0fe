// A PostgreSQL that lives as long as the standard input of this program is open: it goes with whoever started
// it, however that ends. Prints how to reach it, as one line of JSON.
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { removePostgres, startPostgres } from "./postgres.mjs";

const PREFIX = "app-data-throwaway-";
// Not one of the roles that a contract may name.
const SUPERUSER = "app_data_throwaway";

// Nothing in it outlives the process: durability would only cost time.
const SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  jit: "off",
  max_wal_senders: 0,
  wal_level: "minimal",
};

// Nobody may be there to read any more.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
// Ctrl-C reaches the whole group of processes; the end of the input follows.
process.on("SIGINT", () => undefined);
const ended = new Promise((resolve) => {
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, resolve);
  process.stdin.resume().once("end", resolve).once("error", resolve);
});

await removeAbandoned();
const directory = mkdtempSync(path.join(tmpdir(), `${PREFIX}${process.pid}-`));
try {
  const server = await startPostgres({ directory, settings: SETTINGS, superuser: SUPERUSER });
  const { host, port, password } = server;
  process.stdout.write(`${JSON.stringify({ host, port, user: SUPERUSER, password })}\n`);
  await ended;
} catch (error) {
  process.stderr.write(error.message);
  process.exitCode = 1;
} finally {
  await removePostgres({ directory });
}
process.exit();

/** Removes the servers of processes that were killed. */
async function removeAbandoned() {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (pid && !isAlive(pid)) await removePostgres({ directory: path.join(tmpdir(), name) });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
