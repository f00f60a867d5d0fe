import { sql } from "kysely";
import type { Sessions } from "../session/sessions.js";
import type { ExportBucket } from "./storage.js";

/** How a sweep is bound. */
export interface SweepOptions {
  /** Ends it between two steps. */
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
  const uploadsAborted = await abortUploads(sessions, bucket);
  const compared = await compare(sessions, bucket, signal);
  const objectsDeleted = await emptyQueue(sessions, bucket, signal);
  return { stalled, uploadsAborted, ...compared, objectsDeleted };
}

/** Calls one of 004's functions until it finds fewer rows than it asks for. */
async function inBatches(
  call: (most: number) => Promise<number>,
  signal: AbortSignal | undefined,
): Promise<number> {
  for (let sum = 0; ;) {
    signal?.throwIfAborted();
    const count = await call(AT_ONCE);
    sum += count;
    if (count < AT_ONCE) return sum;
  }
}

function failStalled(sessions: Sessions, signal: AbortSignal | undefined): Promise<number> {
  return inBatches(
    (most) =>
      sessions.asService(async (db) => {
        const { rows } = await sql<{ count: bigint }>`
          select public.fail_stalled_exports(${most}) as count`.execute(db);
        return Number(rows[0]?.count ?? 0);
      }),
    signal,
  );
}

/** An upload belongs to the export that is processing under its key. */
async function abortUploads(sessions: Sessions, bucket: ExportBucket): Promise<number> {
  const open = await bucket.openUploads();
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
  for (const upload of abandoned) await bucket.abort(upload);
  return abandoned.length;
}

/**
 * Goes through bucket and rows in the order of keys, a page of the bucket at a time. An export that is
 * completed after the sweep began is left alone: its object may be on a page that was read before.
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
  for await (const { keys, isLast } of bucket.pages()) {
    signal?.throwIfAborted();
    const last = isLast ? null : (keys.at(-1) ?? after);
    await sessions.asService(async (db) => {
      const expired = await sql`
        update public.export_history set status = 'expired'
        where storage_bucket = ${bucket.name} and status = 'completed' and completed_at < ${begin}
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
      try {
        await bucket.delete(storage_key);
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
