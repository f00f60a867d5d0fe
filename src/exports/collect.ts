import { createHash } from "node:crypto";
import { PassThrough, Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { ClientBase } from "pg";
import { ZipFile } from "yazl";
import { codeOf, nameOf, requireIdentity } from "../errors.js";
import { partsOf } from "./parts.js";
import type { ExportRequest } from "./request.js";
import { type Count, linesOf } from "./rows.js";

/** Fast: the rows of one user repeat much, and the level above costs twice the time for a tenth less. */
const COMPRESSION_LEVEL = 1;

/** What a file holds. */
export interface Collected {
  readonly bytes: number;
  readonly rows: number;
  /** SHA-256 of the bytes, in hexadecimal digits. */
  readonly checksum: string;
}

/** How the file of an export is called. */
export function endingOf({ type, format }: { type: string; format: string }): string {
  return type === "full" ? "zip" : `${format}.gz`;
}

/** Its media type. */
export function contentTypeOf({ type }: ExportRequest): string {
  return type === "full" ? "application/zip" : "application/gzip";
}

/**
 * Writes the rows of the user whose transaction is open, as one file, into what `write` does with it.
 * @param counted is told the rows of each table once it is written.
 * @throws AppDataError DAT009 where the transaction is not the user's, which would make an empty file.
 */
export async function collect(
  client: ClientBase,
  userId: string,
  request: ExportRequest,
  counted: Count,
  write: (file: Readable) => Promise<void>,
): Promise<Collected> {
  // Both forms of a file write times in UTC.
  const { rows } = await client.query<{ uid: string | null }>(
    "select auth.uid() as uid, set_config('timezone', 'UTC', true)",
  );
  requireIdentity(rows[0]?.uid, userId);
  const hash = createHash("sha256");
  let bytes = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const writing = write(measured);
  const source =
    request.type === "full"
      ? zipOf(client, request, counted, measured)
      : gzipOf(client, request, counted, measured);
  // Both have ended before this does: what is still written then would outlive what is done about it.
  const [read, written] = await Promise.allSettled([source, writing]);
  if (read.status === "rejected" && !wasCutShort(read.reason)) throw read.reason;
  if (written.status === "rejected") throw written.reason;
  if (read.status === "rejected") throw read.reason;
  return { bytes, rows: counted.rows, checksum: hash.digest("hex") };
}

/** How a stream fails whose target has failed. */
function wasCutShort(error: unknown): boolean {
  return codeOf(error) === "ERR_STREAM_PREMATURE_CLOSE" || nameOf(error) === "AbortError";
}

async function gzipOf(
  client: ClientBase,
  { type, format, filters = {} }: ExportRequest,
  counted: Count,
  target: Transform,
): Promise<void> {
  const lines = async function* () {
    for (const part of partsOf(type, filters)) yield* linesOf(client, part, format, counted);
  };
  await pipeline(Readable.from(lines()), createGzip({ level: COMPRESSION_LEVEL }), target);
}

/** One file a part, and what is in them as `manifest.json`, written last. */
async function zipOf(
  client: ClientBase,
  { type, format, filters = {} }: ExportRequest,
  counted: Count,
  target: Transform,
): Promise<void> {
  const zip = new ZipFile();
  const written = pipeline(zip.outputStream, target);
  const options = { compressionLevel: COMPRESSION_LEVEL };
  const files: { name: string; rows: number; sha256: string }[] = [];
  try {
    for (const part of partsOf(type, filters)) {
      const name = `${part.name}.${format}`;
      const hash = createHash("sha256");
      const count: Count = { rows: 0 };
      const lines = async function* () {
        for await (const chunk of linesOf(client, part, format, count)) {
          hash.update(chunk);
          yield chunk;
        }
      };
      const entry = new PassThrough();
      zip.addReadStream(entry, name, options);
      // One part after the other: they share a connection.
      await Promise.race([pipeline(Readable.from(lines()), entry), failureOf(written)]);
      counted.rows += count.rows;
      files.push({ name, rows: count.rows, sha256: hash.digest("hex") });
    }
    const manifest = { version: 1, type, format, filters, files };
    zip.addBuffer(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), "manifest.json", options);
    zip.end();
  } catch (error) {
    target.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  await written;
}

/** Ends only when something fails. */
function failureOf(work: Promise<unknown>): Promise<never> {
  return work.then(() => new Promise<never>(() => undefined));
}
