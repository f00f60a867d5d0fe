import { ConnectionPool } from "../session/pool.js";
import { readLogin } from "../session/login.js";
import { requireSetting } from "../settings.js";
import type { Job, JobContext, JobData, JobCounts } from "./job.js";

/** Where figures go. */
export type Ship = (
  figures: Readonly<Record<string, unknown>>,
  context: JobContext,
) => Promise<void>;

/** Into the log, as one line; whoever collects logs has them. */
export const shipToLog: Ship = async (figures, { logger }) => logger.info({ figures }, "figures");

/** Reads the figures of 005 as the login `monitor`, and ships them. Counts what each part of them lists. */
export const shipFiguresJob: Job = (data, context) => shipFigures(data, context, shipToLog);

/**
 * As {@link shipFiguresJob}, to another place.
 * @throws AppDataError CFG101 without the setting monitorSecretArn, CFG104 and CFG105 for its secret,
 * DAT002 where the database does not answer.
 *
 * @example
 * await runJob(data, "ship-figures", {
 *   logger: pino(),
 *   work: (from, context) =>
 *     shipFigures(from, context, async (figures) => console.log(JSON.stringify(figures))),
 * });
 */
export async function shipFigures(
  { settings }: JobData,
  context: JobContext,
  ship: Ship,
): Promise<JobCounts> {
  const arn = requireSetting(
    settings.monitorSecretArn,
    "monitorSecretArn",
    "APP_DATA_MONITOR_SECRET_ARN",
  );
  const pool = new ConnectionPool(await readLogin(settings, arn), settings);
  try {
    const figures = await readFigures(pool, context.deadlineMs);
    await ship(figures, context);
    const lists = Object.entries(figures).filter(([, value]) => Array.isArray(value));
    return Object.fromEntries(
      lists.map(([name, list]) => [name, Array.isArray(list) ? list.length : 0]),
    );
  } finally {
    await pool.end();
  }
}

async function readFigures(
  pool: ConnectionPool,
  deadlineMs: number,
): Promise<Readonly<Record<string, unknown>>> {
  return pool.use(async (client) => {
    await client.query(
      `begin isolation level repeatable read read only; set local statement_timeout = ${Math.ceil(deadlineMs)}`,
    );
    const { rows } = await client.query<{ report: Record<string, unknown> }>(
      "select monitoring.report() as report",
    );
    await client.query("commit");
    return rows[0]?.report ?? {};
  }, deadlineMs);
}
