import { type AddressInfo, type Socket, connect, createServer } from "node:net";

/** A way to the server that can be cut, without a word to either end. */
export interface DatabaseProxy {
  readonly port: number;
  /** How many connections a client has open. */
  connections(): number;
  /** Loses what goes through the connections that are open; with `answers`, what the server says alone. */
  cut(what?: "all" | "answers"): void;
  close(): Promise<void>;
}

/** Starts one on the loopback interface. */
export async function startDatabaseProxy(database: {
  host: string;
  port: number;
}): Promise<DatabaseProxy> {
  interface Pair {
    client: Socket;
    server: Socket;
    lost: "none" | "answers" | "all";
  }
  const pairs = new Set<Pair>();
  const proxy = createServer((client) => {
    const server = connect(database);
    const pair: Pair = { client, server, lost: "none" };
    pairs.add(pair);
    client.on("data", (sent) => pair.lost !== "all" && server.write(sent));
    server.on("data", (answer) => pair.lost === "none" && client.write(answer));
    client.on("error", () => undefined).on("close", () => end(pair));
    server.on("error", () => undefined).on("close", () => pair.lost === "none" && end(pair));
  });
  const end = (pair: Pair) => {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  };
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    connections: () => pairs.size,
    cut(what = "all") {
      for (const pair of pairs) pair.lost = what;
    },
    close: () =>
      new Promise((resolve) => {
        for (const pair of pairs) end(pair);
        proxy.close(() => resolve());
      }),
  };
}
