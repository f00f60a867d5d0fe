import type { IncomingMessage } from "node:http";
import { type EmulatorProxy, startEmulatorProxy } from "./emulator-proxy";

/** A request to S3, as far as tests tell them apart. */
export interface S3Call {
  operation: "put" | "create" | "part" | "complete" | "abort" | "delete" | "other";
  url: string;
  body: string;
}

/** A way to the emulator on which S3 refuses what the emulator would not. */
export interface S3Proxy extends EmulatorProxy {
  /** How many requests to S3 there were since this was last set. */
  requests: number;
  /** Whether S3 answers 500; waited for, so that a test can hold a request. */
  refuses: (call: S3Call) => boolean | Promise<boolean>;
}

const SHOWN_BYTES = 4_096;
const FAILURE = "<Error><Code>InternalError</Code><Message>On purpose.</Message></Error>";

/** Starts it. Requests for other services go on to the emulator. */
export async function startS3Proxy(): Promise<S3Proxy> {
  const server = await startEmulatorProxy(async (incoming, body, outgoing) => {
    if (incoming.headers["x-amz-target"] !== undefined) return false;
    proxy.requests += 1;
    const text = body.subarray(0, SHOWN_BYTES).toString("latin1");
    const call = { operation: operationOf(incoming), url: incoming.url ?? "/", body: text };
    if (!(await proxy.refuses(call))) return false;
    outgoing.writeHead(500, { "content-type": "application/xml" }).end(FAILURE);
    return true;
  });
  const proxy: S3Proxy = { ...server, requests: 0, refuses: () => false };
  return proxy;
}

function operationOf({ method, url = "" }: IncomingMessage): S3Call["operation"] {
  const query = new URL(url, "http://s3").searchParams;
  if (method === "POST" && query.has("uploads")) return "create";
  if (method === "POST" && query.has("uploadId")) return "complete";
  if (method === "PUT" && query.has("uploadId")) return "part";
  if (method === "DELETE" && query.has("uploadId")) return "abort";
  if (method === "POST" && query.has("delete")) return "delete";
  return method === "PUT" ? "put" : "other";
}
