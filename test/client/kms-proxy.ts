import { type EmulatorProxy, startEmulatorProxy } from "./emulator-proxy";

/** What is done with a call: it goes on to the emulator, an error of KMS, no answer, a cut connection. */
type Outcome = "forward" | "hang" | "cut" | { error: string; status?: number };

/** A way to the emulator that counts calls, and refuses what the emulator would not. */
export interface KmsProxy extends EmulatorProxy {
  /** Calls of an operation since the last {@link KmsProxy.reset}. */
  calls: Record<string, number>;
  /** What was sent to KMS since then. */
  bodies: string[];
  /** Decides on each call. */
  decide: (operation: string, keyArn: string) => Outcome;
  reset(): void;
}

/**
 * Starts it. Requests and answers are those of the emulator and of KMS's protocol; the emulator has no
 * policies and does not refuse a disabled key everywhere, so that those answers come from here.
 */
export async function startKmsProxy(): Promise<KmsProxy> {
  const server = await startEmulatorProxy((incoming, body, outgoing) => {
    const [service = "", operation = ""] = String(incoming.headers["x-amz-target"]).split(".");
    if (service !== "TrentService") return false;
    proxy.calls[operation] = (proxy.calls[operation] ?? 0) + 1;
    proxy.bodies.push(body.toString());
    const outcome = proxy.decide(operation, String(JSON.parse(body.toString()).KeyId));
    if (outcome === "forward") return false;
    if (outcome === "cut") incoming.socket.destroy();
    else if (outcome !== "hang") {
      outgoing.writeHead(outcome.status ?? 400, { "content-type": "application/x-amz-json-1.1" });
      outgoing.end(JSON.stringify({ __type: outcome.error, message: `It is ${outcome.error}.` }));
    }
    return true;
  });
  const proxy: KmsProxy = {
    ...server,
    calls: {},
    bodies: [],
    decide: () => "forward",
    reset() {
      this.calls = {};
      this.bodies = [];
      this.decide = () => "forward";
    },
  };
  return proxy;
}
