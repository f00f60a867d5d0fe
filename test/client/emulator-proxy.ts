import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A request of an AWS SDK, and its answer; whether the answer was given, or is not to be given at all.
 * Headers that are set on one that was not take the place of the emulator's.
 */
type Intercept = (
  incoming: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
) => boolean | Promise<boolean>;

/** A way to the emulator. */
export interface EmulatorProxy {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Starts one, on which `intercept` answers what the emulator would not answer as AWS does. */
export async function startEmulatorProxy(intercept: Intercept): Promise<EmulatorProxy> {
  const emulator = new URL(process.env["AWS_ENDPOINT_URL"] ?? "");
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    const answer = async () => {
      const body = Buffer.concat(parts);
      if (await intercept(incoming, body, outgoing)) return;
      const { method, url = "/", headers } = incoming;
      const onward = request(new URL(url, emulator), { method, headers }, (answered) => {
        outgoing.writeHead(answered.statusCode ?? 500, {
          ...answered.headers,
          ...outgoing.getHeaders(),
        });
        answered.pipe(outgoing);
      });
      onward.on("error", () => incoming.socket.destroy());
      onward.end(body);
    };
    incoming.on("end", () => void answer());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
