import { sql } from "kysely";
import type { Sessions } from "../session/sessions.js";
import { ExportBucket } from "./storage.js";

/** How a sweep is bound. */
export interface SweepOptions {
  /** Ends it; the next sweep does the rest. */
  readonly signal?: AbortSignal;
}

/** What a sweep did. */
export interface SweepResult {
  /** Exports that were processing and had not moved for an hour. */
  readonly stalled: number;
  /** Completed exports whose object was gone. */
  readonly withoutObject: number;
  /** Objects that no export named. */
  readonly withoutRow: number;
  /** Multipart uploads that no export was writing. */
  readonly uploadsAborted: number;
  /** Objects deleted, those above among them. */
  readonly objectsDeleted: number;
  /** Objects to be deleted from buckets other than this one, which it leaves alone. */
  readonly inOtherBuckets: number;
}

const AT_ONCE = 1_000;
const DELETIONS_AT_ONCE = 100;

/** As {@link Exports.sweep} says. */
export async function sweepExports(
  sessions: Sessions,
  bucket: ExportBucket,
  { signal }: SweepOptions,
): Promise<SweepResult> {
  const stalled = await failStalled(sessions, signal);
  const uploadsAborted = await abortUploads(sessions, bucket, signal);
  const compared = await compare(sessions, bucket, signal);
  const objectsDeleted = await emptyQueue(sessions, bucket, signal);
  const inOtherBuckets = await countOthers(sessions, bucket);
  return { stalled, uploadsAborted, ...compared, objectsDeleted, inOtherBuckets };
}

/** In batches, until there are fewer than it asks for. */
async function failStalled(sessions: Sessions, signal: AbortSignal | undefined): Promise<number> {
  for (let sum = 0; ;) {
    signal?.throwIfAborted();
    const { rows } = await sessions.asService((db) =>
      sql<{ count: bigint }>`
        select public.fail_stalled_exports(${AT_ONCE}) as count`.execute(db),
    );
    const count = Number(rows[0]?.count ?? 0);
    sum += count;
    if (count < AT_ONCE) return sum;
  }
}

/** An upload belongs to the export that is processing under its key. */
async function abortUploads(
  sessions: Sessions,
  bucket: ExportBucket,
  signal: AbortSignal | undefined,
): Promise<number> {
  const open = await bucket.openUploads(ExportBucket.folder, signal);
  if (open.length === 0) return 0;
  const rows = await sessions.asService((db) =>
    db
      .selectFrom("export_history")
      .select("storage_key")
      .where("status", "=", "processing")
      .where("storage_bucket", "=", bucket.name)
      .where(
        "storage_key",
        "in",
        open.map(({ key }) => key),
      )
      .execute(),
  );
  const written = new Set(rows.map(({ storage_key }) => storage_key));
  const abandoned = open.filter(({ key }) => !written.has(key));
  for (const upload of abandoned) await bucket.abort(upload, signal);
  return abandoned.length;
}

/**
 * Goes through bucket and rows in the order of keys, a page of the bucket at a time. An export that is
 * completed after the sweep began is left alone: its object may be on a page that was read before. So are
 * those whose objects are not in the folder that is listed: an application wrote them itself.
 */
async function compare(
  sessions: Sessions,
  bucket: ExportBucket,
  signal: AbortSignal | undefined,
): Promise<{ withoutObject: number; withoutRow: number }> {
  const begin = await sessions.asService(async (db) => {
    const { rows } = await sql<{ now: string }>`select now() as now`.execute(db);
    return rows[0]?.now ?? new Date().toISOString();
  });
  let [withoutObject, withoutRow] = [0, 0];
  let after = "";
  for await (const { keys, isLast } of bucket.pages(signal)) {
    signal?.throwIfAborted();
    const last = isLast ? null : (keys.at(-1) ?? after);
    await sessions.asService(async (db) => {
      const expired = await sql`
        update public.export_history set status = 'expired'
        where storage_bucket = ${bucket.name} and status = 'completed'
          and coalesce(completed_at, updated_at) < ${begin}
          and starts_with(storage_key, ${ExportBucket.folder})
          and storage_key collate "C" > ${after}
          and (${last}::text is null or storage_key collate "C" <= ${last})
          and not storage_key = any (${keys}::text[])`.execute(db);
      withoutObject += Number(expired.numAffectedRows ?? 0n);
      const { rows } = await sql<{ count: bigint }>`
        select public.queue_unnamed_export_objects(${bucket.name}, ${keys}::text[]) as count`.execute(
        db,
      );
      withoutRow += Number(rows[0]?.count ?? 0);
    });
    after = last ?? after;
  }
  return { withoutObject, withoutRow };
}

/**
 * A row of the queue goes once S3 has said that its object is gone. One that S3 refuses keeps none of the
 * others.
 */
async function emptyQueue(
  sessions: Sessions,
  bucket: ExportBucket,
  signal: AbortSignal | undefined,
): Promise<number> {
  let deleted = 0;
  let refusal: unknown;
  for (;;) {
    signal?.throwIfAborted();
    const { rows: due } = await sessions.asService((db) =>
      sql<{ storage_bucket: string; storage_key: string }>`
        select storage_bucket, storage_key
        from public.claim_export_object_deletions(${DELETIONS_AT_ONCE})`.execute(db),
    );
    if (due.length === 0) break;
    const gone: string[] = [];
    for (const { storage_bucket, storage_key } of due) {
      if (storage_bucket !== bucket.name) continue;
      if (signal?.aborted === true) break;
      try {
        await bucket.delete(storage_key, signal);
        gone.push(storage_key);
      } catch (error) {
        refusal = error;
      }
    }
    if (gone.length > 0) {
      await sessions.asService((db) =>
        db
          .deleteFrom("export_object_deletions")
          .where("storage_bucket", "=", bucket.name)
          .where("storage_key", "in", gone)
          .execute(),
      );
    }
    deleted += gone.length;
  }
  if (refusal !== undefined) throw refusal;
  return deleted;
}

async function countOthers(sessions: Sessions, bucket: ExportBucket): Promise<number> {
  const { count } = await sessions.asService((db) =>
    db
      .selectFrom("export_object_deletions")
      .select((of) => of.fn.countAll<bigint>().as("count"))
      .where("storage_bucket", "<>", bucket.name)
      .executeTakeFirstOrThrow(),
  );
  return Number(count);
}
