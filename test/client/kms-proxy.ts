import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** What is done with a call: it goes on to the emulator, an error of KMS, no answer, a cut connection. */
type Outcome = "forward" | "hang" | "cut" | { error: string; status?: number };

/** A way to the emulator that counts calls, and refuses what the emulator would not. */
export interface KmsProxy {
  endpoint: string;
  /** Calls of an operation since the last {@link KmsProxy.reset}. */
  calls: Record<string, number>;
  /** What was sent to KMS since then. */
  bodies: string[];
  /** Decides on each call. */
  decide: (operation: string, keyArn: string) => Outcome;
  reset(): void;
  close(): Promise<void>;
}

/**
 * Starts it. Requests and answers are those of the emulator and of KMS's protocol; the emulator has no
 * policies and does not refuse a disabled key everywhere, so that those answers come from here.
 */
export async function startKmsProxy(): Promise<KmsProxy> {
  const emulator = new URL(process.env["AWS_ENDPOINT_URL"] ?? "");
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const body = Buffer.concat(parts);
      const [service = "", operation = ""] = String(incoming.headers["x-amz-target"]).split(".");
      const isKms = service === "TrentService";
      let outcome: Outcome = "forward";
      if (isKms) {
        proxy.calls[operation] = (proxy.calls[operation] ?? 0) + 1;
        proxy.bodies.push(body.toString());
        outcome = proxy.decide(operation, String(JSON.parse(body.toString()).KeyId));
      }
      if (outcome === "hang") return;
      if (outcome === "cut") return void incoming.socket.destroy();
      if (outcome !== "forward") {
        outgoing.writeHead(outcome.status ?? 400, { "content-type": "application/x-amz-json-1.1" });
        outgoing.end(JSON.stringify({ __type: outcome.error, message: `It is ${outcome.error}.` }));
        return;
      }
      const { method, url, headers } = incoming;
      const onward = request(new URL(url ?? "/", emulator), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on("error", () => incoming.socket.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: KmsProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: {},
    bodies: [],
    decide: () => "forward",
    reset() {
      this.calls = {};
      this.bodies = [];
      this.decide = () => "forward";
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
