// A PostgreSQL for one trial: started for it, stopped and deleted after it, however the trial ends.
import { mkdtempSync, readdirSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { removePostgres, startPostgres } from "../local/postgres.mjs";

const PREFIX = "app-data-trial-";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

// Nothing in it outlives the trial: durability would only cost time.
const SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  jit: "off",
  max_wal_senders: 0,
  wal_level: "minimal",
};

/**
 * Calls `work` with a server that is gone when this returns, or when the process is told to end.
 * @param work takes `{ host, port, user, password }`, of the superuser, and the server's `pid`.
 */
export async function withTrialServer(work) {
  await removeAbandoned();
  let directory;
  let started;
  let ending;
  const end = (signal) => {
    // A server that is just being started would outlive its files.
    ending ??= Promise.allSettled([started])
      .then(() => directory && removePostgres({ directory }))
      .finally(() => process.exit(128 + constants.signals[signal]));
  };
  for (const signal of SIGNALS) process.on(signal, end);
  try {
    directory = mkdtempSync(path.join(tmpdir(), `${PREFIX}${process.pid}-`));
    started = startPostgres({ directory, settings: SETTINGS });
    const { host, port, pid, password } = await started;
    return await work({ host, port, pid, user: "postgres", password });
  } finally {
    // That the server goes makes the work fail; the exit code is the signal's all the same.
    await ending;
    if (directory) await removePostgres({ directory });
    await ending;
    for (const signal of SIGNALS) process.off(signal, end);
  }
}

/** Removes the servers of trials that were killed. */
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
