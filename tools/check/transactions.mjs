// How many transactions failed, by what 005 tells the role monitor.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { failed, ok, skipped } from "./checks.mjs";
import { inRolledBackTransaction } from "./sessions.mjs";

/** What share of the transactions may be rolled back. */
const MOST_ROLLED_BACK = 0.01;
/** Of fewer, a share says nothing: deployments and checks roll back some, too. */
const LEAST_TRANSACTIONS = 1000;
const HOUR_MS = 3_600_000;

/**
 * @typedef {object} Counters
 * @property {string} takenAt
 * @property {string | null} since When the server began to count.
 * @property {number} committed
 * @property {number} rolledBack
 */

/**
 * Reads the counters of the database.
 * @param {import("./sessions.mjs").Login} monitor
 * @returns {Promise<Counters>}
 */
export function readCounters(monitor) {
  return inRolledBackTransaction(monitor, async (client) => {
    const { rows } = await client.query(`
      select r.report ->> 'taken_at' as "takenAt", r.report ->> 'counted_since' as since,
        (r.report ->> 'rolled_back_transactions')::float8 as "rolledBack",
        (select xact_commit::float8 from pg_stat_database where datname = current_database())
          as committed
      from (select monitoring.report() as report) r`);
    return rows[0];
  });
}

/**
 * Keeps the counters, for the rate from then on.
 * @param {string} file
 * @param {Counters} counters
 */
export function keepCounters(file, counters) {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(counters));
}

/**
 * The counters that were kept within the last hour.
 * @param {string} file
 * @returns {Counters | undefined}
 */
export function keptCounters(file) {
  try {
    const kept = JSON.parse(readFileSync(file, "utf8"));
    return Date.now() - Date.parse(kept.takenAt) <= HOUR_MS ? kept : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Judges the transactions since some counters, or, where these are not of the same count, since it began. Where
 * that is more than an hour ago, a low rate is no verdict: a long healthy time hides an hour of errors.
 * @param {Counters} now
 * @param {Counters} [before]
 */
export function judgeErrorRate(now, before) {
  const isSameCount = before !== undefined && before.since === now.since;
  const from = isSameCount ? before : { committed: 0, rolledBack: 0 };
  const rolledBack = now.rolledBack - from.rolledBack;
  const all = rolledBack + now.committed - from.committed;
  const since = isSameCount ? before.takenAt : (now.since ?? "the server's first start");
  const found = `${rolledBack} of ${all} transactions rolled back since ${since}`;
  if (all < LEAST_TRANSACTIONS) {
    return skipped(`${found}; fewer than ${LEAST_TRANSACTIONS} are too few to tell`);
  }
  if (rolledBack > all * MOST_ROLLED_BACK) {
    return failed(
      `${found}; at most ${MOST_ROLLED_BACK * 100} % may be. The server's log has the errors.`,
    );
  }
  return isSameCount || Date.parse(now.takenAt) - Date.parse(since) <= HOUR_MS
    ? ok(found)
    : skipped(`${found}; nothing was kept within the hour, of which this does not tell`);
}
