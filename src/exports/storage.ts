import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { Readable } from "node:stream";
import type { Settings } from "../settings.js";

/** All exports are below it. */
const PREFIX = "users/";
/** The least that S3 takes. */
const PART_BYTES = 5 * 1024 ** 2;
const PARTS_AT_ONCE = 1;

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
      // An emulator is no host for buckets as its subdomains.
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    });
  }

  public readonly name: string;

  /** Closes its connections. */
  end(): void {
    this.client.destroy();
  }

  /** Where an attempt at an export writes; never the same twice. */
  static keyOf(userId: string, exportId: string, attempt: string, ending: string): string {
    return `${PREFIX}${userId}/exports/${exportId}/${attempt}.${ending}`;
  }

  /** Writes an object of unknown length. Nothing is left of it when the stream or S3 fails. */
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
    const abort = () => void upload.abort().catch(() => undefined);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await upload.done();
    } finally {
      signal.removeEventListener("abort", abort);
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
      { expiresIn: seconds },
    );
  }

  /** Deletes an object with all its versions; one that is not there is no error. */
  async delete(key: string): Promise<void> {
    const { Versions = [], DeleteMarkers = [] } = await this.client.send(
      new ListObjectVersionsCommand({ Bucket: this.name, Prefix: key }),
    );
    const found = [...Versions, ...DeleteMarkers].filter((version) => version.Key === key);
    if (found.length === 0) return;
    const { Errors = [] } = await this.client.send(
      new DeleteObjectsCommand({
        Bucket: this.name,
        Delete: { Objects: found.map(({ VersionId }) => ({ Key: key, VersionId })), Quiet: true },
      }),
    );
    const [first] = Errors;
    if (first) throw new Error(`S3 did not delete ${key}: ${first.Code ?? "no reason"}.`);
  }

  /** The keys of all objects in the order of their bytes, a page at a time; at least one page. */
  async *pages(): AsyncGenerator<{ keys: string[]; isLast: boolean }> {
    let next: string | undefined;
    do {
      const { Contents = [], NextContinuationToken } = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.name, Prefix: PREFIX, ContinuationToken: next }),
      );
      next = NextContinuationToken;
      yield { keys: Contents.flatMap(({ Key }) => Key ?? []), isLast: next === undefined };
    } while (next !== undefined);
  }

  /** Multipart uploads that are open. */
  async openUploads(): Promise<OpenUpload[]> {
    const { Uploads = [] } = await this.client.send(
      new ListMultipartUploadsCommand({ Bucket: this.name, Prefix: PREFIX }),
    );
    return Uploads.flatMap(({ Key: key, UploadId: uploadId }) =>
      key !== undefined && uploadId !== undefined ? [{ key, uploadId }] : [],
    );
  }

  /** Ends one, and deletes its parts. */
  async abort({ key, uploadId }: OpenUpload): Promise<void> {
    await this.client.send(
      new AbortMultipartUploadCommand({ Bucket: this.name, Key: key, UploadId: uploadId }),
    );
  }
}
