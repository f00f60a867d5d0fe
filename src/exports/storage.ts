import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { Readable } from "node:stream";
import { AppDataError, nameOf } from "../errors.js";
import type { Settings } from "../settings.js";

/** The least that S3 takes. */
const PART_BYTES = 5 * 1024 ** 2;
/** One: the others would go on to the end of the stream after one has failed. */
const PARTS_AT_ONCE = 1;
const CONNECT_MS = 5_000;
/** Of one request, at most a part of an upload. */
const ANSWER_MS = 60_000;

/** A multipart upload that was begun and not ended. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
}

/** The bucket of the exports. Its default encryption, with a key of its own, holds for all objects. */
export class ExportBucket {
  private readonly client: S3Client;

  constructor({ region, endpoint, exportsBucket }: Settings) {
    this.name = exportsBucket;
    this.client = new S3Client({
      region,
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        requestTimeout: ANSWER_MS,
        throwOnRequestTimeout: true,
      },
      // An emulator is no host for buckets as its subdomains.
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    });
  }

  public readonly name: string;

  /** All exports that the library makes are in it. */
  static readonly folder = "users/";

  /** Closes its connections. */
  end(): void {
    this.client.destroy();
  }

  /** Where an attempt at an export writes; never the same twice. */
  static keyOf(userId: string, exportId: string, attempt: string, ending: string): string {
    return `${ExportBucket.folderOf(userId)}exports/${exportId}/${attempt}.${ending}`;
  }

  /** Below it is all that is a user's. */
  static folderOf(userId: string): string {
    return `${ExportBucket.folder}${userId}/`;
  }

  /**
   * Writes an object of unknown length. When the stream or S3 fails, no request for it is under way any
   * more, and what was written is for {@link ExportBucket.abandon}.
   */
  async upload(
    key: string,
    body: Readable,
    contentType: string,
    signal: AbortSignal,
  ): Promise<void> {
    const upload = new Upload({
      client: this.client,
      params: { Bucket: this.name, Key: key, Body: body, ContentType: contentType },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
      leavePartsOnError: false,
    });
    // Upload.abort() would not wait for the request that is under way, which may still write the object.
    const stop = () => body.destroy(reasonTo(signal));
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) stop();
      await upload.done();
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** A link that anybody who has it can download an object with, for so many seconds. */
  link(key: string, fileName: string, seconds: number): Promise<string> {
    return getSignedUrl(
      this.client,
      new GetObjectCommand({
        Bucket: this.name,
        Key: key,
        ResponseContentDisposition: `attachment; filename="${fileName}"`,
        ResponseCacheControl: "private, no-store",
      }),
      { expiresIn: seconds, signingDate: this.now() },
    );
  }

  /** By the clock of AWS, as far as its answers have told. */
  private now(): Date {
    return new Date(Date.now() + this.client.config.systemClockOffset);
  }

  /**
   * Deletes an object with all its versions; one that is not there is no error.
   * @throws AppDataError EXP017 when S3 refuses.
   */
  async delete(key: string, signal?: AbortSignal): Promise<void> {
    await this.deleteVersions(key, (found) => found === key, signal);
  }

  /** As {@link ExportBucket.delete}, with uploads of it that are open. */
  async abandon(key: string): Promise<void> {
    for (const upload of await this.openUploads(key)) {
      if (upload.key === key) await this.abort(upload);
    }
    await this.delete(key);
  }

  /**
   * Deletes all that is stored for a user, open uploads as well.
   * @returns how many objects there were.
   * @throws AppDataError EXP017 when S3 refuses.
   */
  async deleteAllOf(userId: string): Promise<number> {
    const prefix = ExportBucket.folderOf(userId);
    for (const upload of await this.openUploads(prefix)) await this.abort(upload);
    return this.deleteVersions(prefix, () => true);
  }

  /** Deletes all versions of the objects that are meant, and gives how many objects they were. */
  private async deleteVersions(
    prefix: string,
    isMeant: (key: string) => boolean,
    signal?: AbortSignal,
  ): Promise<number> {
    const keys = new Set<string>();
    let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined =
      {};
    while (next) {
      const page: ListObjectVersionsCommandOutput = await answered(
        (options) =>
          this.client.send(
            new ListObjectVersionsCommand({ Bucket: this.name, Prefix: prefix, ...next }),
            options,
          ),
        signal,
      );
      const { Versions = [], DeleteMarkers = [] } = page;
      const found = [...Versions, ...DeleteMarkers].flatMap(({ Key, VersionId }) =>
        Key !== undefined && isMeant(Key) ? [{ Key, VersionId }] : [],
      );
      for (const { Key } of found) keys.add(Key);
      if (found.length > 0) {
        const { Errors = [] } = await answered(
          (options) =>
            this.client.send(
              new DeleteObjectsCommand({
                Bucket: this.name,
                Delete: { Objects: found, Quiet: true },
              }),
              options,
            ),
          signal,
        );
        const [first] = Errors;
        if (first) throw refused(first.Code ?? "no reason");
      }
      next = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined;
    }
    return keys.size;
  }

  /** The keys of all objects in the order of their bytes, a page at a time; at least one page. */
  async *pages(signal?: AbortSignal): AsyncGenerator<{ keys: string[]; isLast: boolean }> {
    let next: string | undefined;
    do {
      const { Contents = [], NextContinuationToken }: ListObjectsV2CommandOutput = await answered(
        (options) =>
          this.client.send(
            new ListObjectsV2Command({
              Bucket: this.name,
              Prefix: ExportBucket.folder,
              ContinuationToken: next,
            }),
            options,
          ),
        signal,
      );
      next = NextContinuationToken;
      yield { keys: Contents.flatMap(({ Key }) => Key ?? []), isLast: next === undefined };
    } while (next !== undefined);
  }

  /** Multipart uploads that are open. */
  async openUploads(prefix: string, signal?: AbortSignal): Promise<OpenUpload[]> {
    const open: OpenUpload[] = [];
    let next: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined =
      {};
    while (next) {
      const page: ListMultipartUploadsCommandOutput = await answered(
        (options) =>
          this.client.send(
            new ListMultipartUploadsCommand({ Bucket: this.name, Prefix: prefix, ...next }),
            options,
          ),
        signal,
      );
      for (const { Key: key, UploadId: uploadId } of page.Uploads ?? []) {
        if (key !== undefined && uploadId !== undefined) open.push({ key, uploadId });
      }
      next = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined;
    }
    return open;
  }

  /** Ends one, and deletes its parts; one that has ended already is no error. */
  async abort({ key, uploadId }: OpenUpload, signal?: AbortSignal): Promise<void> {
    const command = new AbortMultipartUploadCommand({
      Bucket: this.name,
      Key: key,
      UploadId: uploadId,
    });
    await answered(
      (options) =>
        this.client.send(command, options).catch((error: unknown) => {
          if (nameOf(error) !== "NoSuchUpload") throw error;
        }),
      signal,
    );
  }
}

/** @throws AppDataError EXP017 in place of what S3 says; the reason of the signal, once it is aborted. */
async function answered<Output>(
  send: (options: { abortSignal?: AbortSignal }) => Promise<Output>,
  signal?: AbortSignal,
): Promise<Output> {
  try {
    return await send(signal ? { abortSignal: signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw refused(nameOf(error), error);
  }
}

/** The reason of a signal that is aborted, as an error. */
export function reasonTo({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new DOMException("It was stopped.", "AbortError");
}

function refused(code: string, cause?: unknown): AppDataError {
  return new AppDataError(
    "EXP017",
    `S3 refused to list or delete exports (${code}). What is left is deleted by the next sweep: see that ` +
      "this process may list and delete versions and uploads of the bucket.",
    { cause },
  );
}
