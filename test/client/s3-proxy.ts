import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A request to S3, as far as tests tell them apart. */
export interface S3Call {
  operation: "put" | "create" | "part" | "complete" | "abort" | "delete" | "other";
  url: string;
  body: string;
}

/** A way to the emulator on which S3 refuses what the emulator would not. */
export interface S3Proxy {
  endpoint: string;
  /** How many requests to S3 there were since this was last set. */
  requests: number;
  /** Whether S3 answers 500; waited for, so that a test can hold a request. */
  refuses: (call: S3Call) => boolean | Promise<boolean>;
  close(): Promise<void>;
}

const SHOWN_BYTES = 4_096;
const FAILURE = "<Error><Code>InternalError</Code><Message>On purpose.</Message></Error>";

/** Starts it. Requests for other services go on to the emulator. */
export async function startS3Proxy(): Promise<S3Proxy> {
  const emulator = new URL(process.env["AWS_ENDPOINT_URL"] ?? "");
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    const answer = async () => {
      const body = Buffer.concat(parts);
      const { method, url = "/", headers } = incoming;
      if (headers["x-amz-target"] === undefined) {
        proxy.requests += 1;
        const text = body.subarray(0, SHOWN_BYTES).toString("latin1");
        if (await proxy.refuses({ operation: operationOf(incoming), url, body: text })) {
          outgoing.writeHead(500, { "content-type": "application/xml" }).end(FAILURE);
          return;
        }
      }
      const onward = request(new URL(url, emulator), { method, headers }, (answered) => {
        outgoing.writeHead(answered.statusCode ?? 500, answered.headers);
        answered.pipe(outgoing);
      });
      onward.on("error", () => incoming.socket.destroy());
      onward.end(body);
    };
    incoming.on("end", () => void answer());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: S3Proxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: 0,
    refuses: () => false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
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
