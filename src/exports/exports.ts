import { randomUUID } from "node:crypto";
import { sql, type UpdateObject } from "kysely";
import { AppDataError, codeOf, nameOf, requireUuid } from "../errors.js";
import type { TablesOf } from "../session/queries.js";
import type { Sessions } from "../session/sessions.js";
import { type Collected, collect, contentTypeOf, endingOf } from "./collect.js";
import { checkRequest } from "./request.js";
import type { Count } from "./rows.js";
import { ExportBucket, reasonTo } from "./storage.js";
import { sweepExports, type SweepOptions, type SweepResult } from "./sweep.js";

/** What a user is told of an export. */
export interface ExportStatus {
  readonly id: string;
  readonly type: string;
  readonly format: string;
  readonly status: string;
  /** Rows of the file; while it is processing, null or those of the tables that are done. */
  readonly rows: bigint | null;
  /** Bytes of the file. */
  readonly bytes: bigint | null;
  /** SHA-256 of the file in hexadecimal digits. */
  readonly checksum: string | null;
  readonly error: string | null;
  /** ISO 8601 times. */
  readonly requestedAt: string;
  readonly completedAt: string | null;
  readonly expiresAt: string | null;
  readonly downloads: bigint;
}

/** How a run is bound. */
export interface RunExportOptions {
  /** Ends it: the export fails, and nothing of it stays in the bucket. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds that it may take.
   * @default 3600000
   */
  readonly deadlineMs?: number;
}

/** An export that this process runs. */
interface Claim {
  readonly userId: string;
  readonly key: string;
  readonly asked: Parameters<typeof checkRequest>[0];
}

const HOUR_MS = 3_600_000;
const KEPT_DAYS = 7;
/** What the bucket's policy demands of presigned requests, at the most. */
const LINK_SECONDS = 900;
/** An export that is not heard of for an hour is failed by the job. */
const HEARTBEAT_MS = 60_000;

/** Exports of users' rows into the stack's bucket. All of it may also fail as {@link Sessions.asUser} does. */
export class Exports {
  private readonly bucket: ExportBucket;
  private readonly closing = new AbortController();
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly sessions: Sessions) {
    this.bucket = new ExportBucket(sessions.settings);
  }

  /** Stops the exports that run, which fail, and closes the connections to S3. @internal */
  async end(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled(this.running);
    this.bucket.end();
  }

  /**
   * Asks for an export, which {@link Exports.run} makes.
   * @returns its id.
   * @throws AppDataError DAT001 for a user's id that is no UUID; EXP010, EXP011 or EXP012 for an unknown
   * type, an unknown format, or filters that are none.
   *
   * @example
   * const id = await data.exports.request(userId, { type: "full", format: "jsonl" });
   * await data.exports.run(id);
   * const link = await data.exports.download(userId, id);
   */
  async request(
    userId: string,
    request: { type: string; format: string; filters?: object | undefined },
  ): Promise<string> {
    const { type, format, filters } = checkRequest(request);
    const { id } = await this.sessions.asUser(userId, (db) =>
      db
        .insertInto("export_history")
        .values({
          user_id: requireUuid(userId, "The user's id"),
          export_type: type,
          format,
          filters: { ...filters },
        })
        .returning("id")
        .executeTakeFirstOrThrow(),
    );
    return id;
  }

  /**
   * Makes a pending export: reads the user's own rows, as that user, from one state of the database, and
   * writes them to the bucket as they come. A failure leaves the export `failed` and nothing in the
   * bucket; a process that is killed leaves both to {@link Exports.sweep}.
   * @throws AppDataError DAT001 for an id that is no UUID, EXP015 when it is not pending, EXP016 when it
   * failed, with the reason as its cause; an AbortError once `close()` was called, and the export stays
   * pending.
   *
   * @example
   * await data.exports.run(id, { deadlineMs: 600_000 });
   */
  async run(id: string, options: RunExportOptions = {}): Promise<void> {
    const running = this.make(requireUuid(id, "The export's id"), options);
    this.running.add(running);
    await running.finally(() => this.running.delete(running));
  }

  /**
   * How far an export of a user is.
   * @throws AppDataError DAT001 for an id that is no UUID, EXP013 when the user has none with this id.
   *
   * @example
   * const { status, rows } = await data.exports.status(userId, id);
   */
  async status(userId: string, id: string): Promise<ExportStatus> {
    const row = await this.sessions.asUser(userId, (db) =>
      db
        .selectFrom("export_history")
        .selectAll()
        .where("id", "=", requireUuid(id, "The export's id"))
        .executeTakeFirst(),
    );
    if (!row) throw notFound(id);
    return {
      id: row.id,
      type: row.export_type,
      format: row.format,
      status: row.status,
      rows: row.row_count,
      bytes: row.file_size_bytes,
      checksum: row.checksum_sha256,
      error: row.error_message,
      requestedAt: row.created_at,
      completedAt: row.completed_at,
      expiresAt: row.expires_at,
      downloads: row.download_count,
    };
  }

  /**
   * A link to a completed export of a user. Whoever has it can download the file for fifteen minutes, so
   * it is made when it is needed and not kept. Counts as a download.
   * @throws AppDataError DAT001 for an id that is no UUID, EXP013 when the user has no export with this
   * id, EXP014 when it is not completed, or has expired.
   *
   * @example
   * const link = await data.exports.download(userId, id);
   */
  async download(userId: string, id: string): Promise<string> {
    const { status, type, format } = await this.status(userId, id);
    const row = await this.sessions.asService((db) =>
      db
        .updateTable("export_history")
        .set((of) => ({ download_count: of("download_count", "+", 1n) }))
        .where("id", "=", id)
        .where("status", "=", "completed")
        .where("expires_at", ">", sql<string>`now()`)
        .returning("storage_key")
        .executeTakeFirst(),
    );
    if (typeof row?.storage_key !== "string") {
      const found = status === "completed" ? "has expired" : `is ${status}`;
      throw new AppDataError(
        "EXP014",
        `The export ${id} ${found}, and only a completed one is downloaded. Wait for it, or ask for a ` +
          "new one.",
      );
    }
    const fileName = `${type}-${id}.${endingOf({ type, format })}`;
    return this.bucket.link(row.storage_key, fileName, LINK_SECONDS);
  }

  /**
   * Deletes an export of a user, with its file.
   * @throws AppDataError DAT001 for an id that is no UUID, EXP013 when the user has none with this id,
   * EXP017 when its row is gone and S3 refuses to delete the file.
   *
   * @example
   * await data.exports.delete(userId, id);
   */
  async delete(userId: string, id: string): Promise<void> {
    await this.status(userId, id);
    const row = await this.sessions.asService((db) =>
      db
        .deleteFrom("export_history")
        .where("id", "=", id)
        .returning("storage_key")
        .executeTakeFirst(),
    );
    if (typeof row?.storage_key === "string") await this.deleteObject(row.storage_key);
  }

  /**
   * Brings rows and bucket in step: fails exports that stalled, deletes objects and uploads that no row
   * names, expires completed exports whose object is gone. Two may run at once.
   * @throws what S3 or the database says; the next run goes on.
   *
   * @example
   * const { objectsDeleted } = await data.exports.sweep();
   */
  async sweep(options: SweepOptions = {}): Promise<SweepResult> {
    return sweepExports(this.sessions, this.bucket, options);
  }

  /**
   * Deletes all files of a user whose rows are gone, and what the database keeps of them for the job.
   * @returns how many there were.
   * @internal
   */
  async deleteAllOf(userId: string): Promise<number> {
    const objects = await this.bucket.deleteAllOf(userId);
    await this.sessions.asService((db) =>
      db
        .deleteFrom("export_object_deletions")
        .where("storage_bucket", "=", this.bucket.name)
        .where("storage_key", "like", `${ExportBucket.folderOf(userId)}%`)
        .execute(),
    );
    return objects;
  }

  private async deleteObject(key: string): Promise<void> {
    await this.bucket.abandon(key);
    await this.sessions.asService((db) =>
      db
        .deleteFrom("export_object_deletions")
        .where("storage_bucket", "=", this.bucket.name)
        .where("storage_key", "=", key)
        .execute(),
    );
  }

  private async make(
    id: string,
    { signal, deadlineMs = HOUR_MS }: RunExportOptions,
  ): Promise<void> {
    this.closing.signal.throwIfAborted();
    const { userId, key, asked } = await this.claim(id);
    const counted: Count = { rows: 0 };
    const ended = new AbortController();
    const heartbeat = setInterval(() => {
      this.update(id, { row_count: BigInt(counted.rows) }).then(
        (isKept) => isKept || ended.abort(notKept()),
        // The next one may reach the database.
        () => undefined,
      );
    }, HEARTBEAT_MS);
    const signals = AbortSignal.any([
      ended.signal,
      this.closing.signal,
      ...(signal ? [signal] : []),
    ]);
    let collecting: Promise<Collected> | undefined;
    try {
      const request = checkRequest(asked);
      const { bytes, rows, checksum } = await this.sessions.streamAsUser(
        userId,
        ({ client }) => {
          collecting = collect(client, userId, request, counted, (file) =>
            this.bucket.upload(key, file, contentTypeOf(request), signals),
          );
          // The next row may be long in coming: giving up the connection ends the wait for it.
          return Promise.race([collecting, abortOf(signals)]);
        },
        { mode: "snapshot", deadlineMs },
      );
      const isKept = await this.update(id, {
        status: "completed",
        row_count: BigInt(rows),
        file_size_bytes: BigInt(bytes),
        checksum_sha256: checksum,
        completed_at: sql<string>`now()`,
        expires_at: sql<string>`now() + ${KEPT_DAYS} * interval '1 day'`,
      });
      if (!isKept) throw notKept();
    } catch (cause) {
      ended.abort(cause);
      // Stopped or past its deadline, the transaction does not wait for what it has begun.
      await collecting?.catch(() => undefined);
      if (await this.fail(id, key, cause)) return;
      throw new AppDataError("EXP016", `The export ${id} failed: ${reasonOf(cause)}.`, { cause });
    } finally {
      clearInterval(heartbeat);
      // The signals live on with those that they are made of as long as somebody listens to them.
      ended.abort();
    }
  }

  /** Makes a pending export ours, with the name of its object, before that is written. */
  private async claim(id: string): Promise<Claim> {
    return this.sessions.asService(async (db) => {
      const row = await db
        .selectFrom("export_history")
        .select(["user_id", "export_type", "format", "filters", "status"])
        .where("id", "=", id)
        .forUpdate()
        .executeTakeFirst();
      if (row?.status !== "pending") {
        throw new AppDataError(
          "EXP015",
          `The export ${id} ${row ? `is ${row.status}` : "is not there"}, and only a pending one is run. ` +
            "Ask for a new one.",
        );
      }
      const filters = typeof row.filters === "object" && row.filters !== null ? row.filters : {};
      const asked = { type: row.export_type, format: row.format, filters };
      // A user may change the filters of a pending export: they are judged where it can fail.
      const ending = endingOf(checkRequest({ ...asked, filters: {} }));
      const key = ExportBucket.keyOf(row.user_id, id, randomUUID(), ending);
      await db
        .updateTable("export_history")
        .set({
          status: "processing",
          started_at: sql<string>`now()`,
          storage_bucket: this.bucket.name,
          storage_key: key,
        })
        .where("id", "=", id)
        .execute();
      return { userId: row.user_id, key, asked };
    });
  }

  /** Changes an export that is processing; whether there is one. */
  private async update(
    id: string,
    change: UpdateObject<TablesOf<"service_role">, "export_history">,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.sessions.asService((db) =>
      db
        .updateTable("export_history")
        .set(change)
        .where("id", "=", id)
        .where("status", "=", "processing")
        .executeTakeFirst(),
    );
    return numUpdatedRows === 1n;
  }

  /**
   * As far as that can be reached; what cannot is the sweep's.
   * @returns whether it is completed all the same: only the answer to that was lost.
   */
  private async fail(id: string, key: string, cause: unknown): Promise<boolean> {
    try {
      const isFailed = await this.update(id, { status: "failed", error_message: reasonOf(cause) });
      if (!isFailed && (await this.isCompleted(id, key))) return true;
      await this.deleteObject(key);
    } catch {
      // The row stays processing for an hour, or its object stays queued: the sweep ends both.
    }
    return false;
  }

  private async isCompleted(id: string, key: string): Promise<boolean> {
    const row = await this.sessions.asService((db) =>
      db
        .selectFrom("export_history")
        .select("id")
        .where("id", "=", id)
        .where("status", "=", "completed")
        .where("storage_key", "=", key)
        .executeTakeFirst(),
    );
    return row !== undefined;
  }
}

/** Rejects once it is aborted, and never resolves. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(reasonTo(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** Without a word of the error itself, which may quote a row. */
function reasonOf(error: unknown): string {
  if (nameOf(error) === "AbortError") return "it was stopped";
  return `its rows could not be read or written (${codeOf(error) ?? nameOf(error)})`;
}

/** Deleted meanwhile, with its user or alone, or given up as stalled. */
function notKept(): AppDataError {
  return new AppDataError(
    "EXP015",
    "The export is no longer processing: it was deleted, or given up.",
  );
}

function notFound(id: string): AppDataError {
  return new AppDataError("EXP013", `The user has no export ${id}. Look at the list of theirs.`);
}
