import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import { sql } from "kysely";
import type { Job, JobContext, JobCounts, JobData } from "./job.js";

const HOUR_MS = 3_600_000;
/** How old something has to be to be nobody's. */
interface Ages {
  /** Of an object that no row names. */
  readonly objectMs: number;
  /** Of an upload that has not ended. */
  readonly uploadMs: number;
}

/** An export names its object before it writes it; and one without progress is given up after an hour. */
const AGES: Ages = { objectMs: HOUR_MS, uploadMs: 24 * HOUR_MS };
const BATCH = 500;
const HEADS_AT_ONCE = 8;

/**
 * Brings bucket and rows together: deletes objects that no row names and uploads that nobody ends, and
 * lets exports expire whose object is gone.
 */
export const sweepExportsJob: Job = (data, context) => sweepExports(data, context, AGES);

/** As {@link sweepExportsJob}, with other ages. */
export async function sweepExports(
  data: JobData,
  context: JobContext,
  ages: Ages,
): Promise<JobCounts> {
  const { region, endpoint } = data.settings;
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
  });
  try {
    const queued = await queueUnnamed(client, data, context, ages.objectMs);
    const deleted = await deleteQueued(client, data, context);
    const uploads = await abortUploads(client, data, context, ages.uploadMs);
    const lost = await expireLost(client, data, context);
    return { queued, ...deleted, uploads, lost };
  } finally {
    client.destroy();
  }
}

async function queueUnnamed(
  client: S3Client,
  data: JobData,
  { signal }: JobContext,
  ageMs: number,
) {
  const Bucket = data.settings.exportsBucket;
  let queued = 0;
  for (let token: string | undefined, isFirst = true; (isFirst || token) && !signal.aborted;) {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket,
        ...(token !== undefined && { ContinuationToken: token }),
      }),
    );
    [token, isFirst] = [page.NextContinuationToken, false];
    const before = Date.now() - ageMs;
    const keys = (page.Contents ?? []).flatMap(({ Key, LastModified }) =>
      Key !== undefined && (LastModified?.getTime() ?? before) < before ? [Key] : [],
    );
    if (keys.length === 0) continue;
    const { rows } = await data.asService((db) =>
      sql<{
        count: number;
      }>`select public.queue_unnamed_export_objects(${Bucket}, ${keys}::text[])::integer as count`.execute(
        db,
      ),
    );
    queued += rows[0]?.count ?? 0;
  }
  return queued;
}

/** A row of the queue goes once its object is gone. */
async function deleteQueued(client: S3Client, data: JobData, { signal, logger }: JobContext) {
  let deleted = 0;
  let failed = 0;
  while (!signal.aborted) {
    const { rows } = await data.asService((db) =>
      sql<{
        storage_bucket: string;
        storage_key: string;
      }>`select storage_bucket, storage_key from public.claim_export_object_deletions(${BATCH})`.execute(
        db,
      ),
    );
    for (const Bucket of new Set(rows.map((row) => row.storage_bucket))) {
      const keys = rows
        .filter((row) => row.storage_bucket === Bucket)
        .map((row) => row.storage_key);
      const Objects = keys.map((Key) => ({ Key }));
      const { Errors = [] } = await client.send(
        new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
      );
      const refused = new Set(Errors.map(({ Key }) => Key));
      if (refused.size > 0) {
        const codes = [...new Set(Errors.map(({ Code }) => Code))];
        logger.warn({ objects: refused.size, codes }, "objects could not be deleted");
      }
      const gone = keys.filter((key) => !refused.has(key));
      failed += refused.size;
      deleted += gone.length;
      if (gone.length === 0) continue;
      await data.asService((db) =>
        db
          .deleteFrom("export_object_deletions")
          .where("storage_bucket", "=", Bucket)
          .where("storage_key", "in", gone)
          .execute(),
      );
    }
    if (rows.length < BATCH) break;
  }
  return { deleted, failed };
}

async function abortUploads(
  client: S3Client,
  data: JobData,
  { signal }: JobContext,
  ageMs: number,
) {
  const Bucket = data.settings.exportsBucket;
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  const before = Date.now() - ageMs;
  let aborted = 0;
  for (const { Key, UploadId, Initiated } of Uploads) {
    if (signal.aborted) break;
    if ((Initiated?.getTime() ?? before) >= before) continue;
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    aborted += 1;
  }
  return aborted;
}

async function expireLost(client: S3Client, data: JobData, { signal }: JobContext) {
  let lost = 0;
  let last = "00000000-0000-0000-0000-000000000000";
  while (!signal.aborted) {
    const after = last;
    const rows = await data.asService((db) =>
      db
        .selectFrom("export_history")
        .select(["id", "storage_bucket", "storage_key"])
        .where("status", "=", "completed")
        .where("id", ">", after)
        .orderBy("id")
        .limit(BATCH)
        .execute(),
    );
    const rest = rows.values();
    const worker = async () => {
      for (const { id, storage_bucket: Bucket, storage_key: Key } of rest) {
        if (signal.aborted) return;
        if (Bucket === null || Key === null || (await isThere(client, Bucket, Key))) continue;
        await data.asService((db) =>
          db
            .updateTable("export_history")
            .set({ status: "expired" })
            .where("id", "=", id)
            .where("status", "=", "completed")
            .execute(),
        );
        lost += 1;
      }
    };
    await Promise.all(Array.from({ length: HEADS_AT_ONCE }, worker));
    last = rows.at(-1)?.id ?? last;
    if (rows.length < BATCH) break;
  }
  return lost;
}

async function isThere(client: S3Client, Bucket: string, Key: string): Promise<boolean> {
  try {
    await client.send(new HeadObjectCommand({ Bucket, Key }));
    return true;
  } catch (error) {
    // Anything else than that it is not there says nothing of it.
    if (error instanceof Error && error.name === "NotFound") return false;
    throw error;
  }
}
