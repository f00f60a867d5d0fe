import type { ConnectionSettings } from "./settings";
import { describeTarget } from "./transports/tunnel-target";

/** The server as errors name it, with the way to it. */
export function describeAddress({ host, port, transport }: ConnectionSettings): string {
  const way = transport?.kind === "tunnel" ? ` through ${describeTarget(transport.target)}` : "";
  return `${host}:${port}${way}`;
}
