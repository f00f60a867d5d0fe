import { sql } from "kysely";
import type { Job, JobContext, JobData } from "./job.js";

/** Rows that one transaction takes. */
const BATCH = 1_000;

/** Fails exports that stand still, expires those that are due, archives old ones, forgets archived ones. */
export const expireExportsJob: Job = async (data, context) => ({
  stalled: await untilDone(data, context, "fail_stalled_exports"),
  expired: await untilDone(data, context, "expire_exports"),
  archived: await untilDone(data, context, "archive_exports"),
  forgotten: await untilDone(data, context, "delete_archived_exports"),
});

/**
 * Brings bucket and rows together: deletes objects and uploads that no row names, and lets exports expire
 * whose object is gone.
 */
export const sweepExportsJob: Job = async (data, { signal, logger }) => {
  const result = await data.exports.sweep({ signal });
  const { inOtherBuckets } = result;
  if (inOtherBuckets > 0) {
    logger.warn(
      { inOtherBuckets, exportsBucket: data.settings.exportsBucket },
      "export_object_deletions names objects in other buckets: run this job with the setting of those " +
        "as well, or delete the rows of a bucket that is gone",
    );
  }
  return { ...result };
};

/** Refreshes the reports of 003; 0 where another refresh goes on. */
export const refreshAnalyticsJob: Job = async (data, { deadlineMs }) => {
  const { rows } = await data.asService(
    (db) => sql<{ done: boolean }>`select public.refresh_progress_analytics() as done`.execute(db),
    { deadlineMs },
  );
  return { refreshed: rows[0]?.done === true ? 1 : 0 };
};

/** Calls a function of 004, each time one batch, until it finds no more. */
async function untilDone(data: JobData, { signal }: JobContext, name: string): Promise<number> {
  let total = 0;
  while (!signal.aborted) {
    const { rows } = await data.asService(
      (db) =>
        sql<{
          count: number;
        }>`select public.${sql.raw(name)}(most => ${BATCH})::integer as count`.execute(db),
      // A user who is deleted at this moment may be in its way.
      { repeatable: true },
    );
    const count = rows[0]?.count ?? 0;
    total += count;
    if (count < BATCH) break;
  }
  return total;
}
