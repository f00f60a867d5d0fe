import { type AddressInfo, type Socket, connect, createServer } from "node:net";

/** Where the connections of a run are cut. */
export interface Cut {
  /** Says of a request, counted from 1 over all connections of the run, whether it is the one. */
  isAt: (sql: string, number: number) => boolean;
  /** Before the server is sent it, or right after, while the server works on it. */
  moment: "before" | "during";
}

/** A proxy before a PostgreSQL server that ends all connections at one request. */
export interface CuttingProxy {
  port: number;
  /** The SQL of every request that was seen, the one of the cut last. */
  requests: string[];
  /** Whether the request of the cut came. */
  wasCut(): boolean;
  close(): Promise<void>;
}

/**
 * Counts what clients send to the server: simple queries, and extended ones by their `Parse`. At the cut
 * nothing more goes to the server, not even a goodbye, and no answer to the client: as when the client's
 * process is killed at that moment.
 * @param onCut is called at the cut, to kill the client's process where it has one of its own.
 */
export async function startCuttingProxy(
  server: { host: string; port: number },
  cut: Cut | undefined,
  onCut: () => void = () => undefined,
): Promise<CuttingProxy> {
  const requests: string[] = [];
  const pairs = new Set<[Socket, Socket]>();
  let isCut = false;
  const cutAll = () => {
    isCut = true;
    onCut();
    for (const [client, backend] of pairs) {
      backend.end();
      client.destroy();
    }
  };

  const listener = createServer((client) => {
    if (isCut) {
      client.on("error", () => undefined).destroy();
      return;
    }
    const backend = connect(server);
    const pair: [Socket, Socket] = [client, backend];
    pairs.add(pair);
    backend.on("data", (data) => {
      if (!isCut) client.write(data);
    });
    const forget = () => {
      pairs.delete(pair);
      backend.end();
      client.destroy();
    };
    for (const socket of pair) socket.on("error", forget).on("close", forget).setNoDelay(true);
    // The rest of the request that is cut off during its work is still to be sent.
    let ending = false;
    const read = messageReader(({ type, bytes }) => {
      if (isCut) return;
      const sql = type === "Q" || type === "P" ? textOf(type, bytes) : "";
      const isRequest = sql !== "" && !isLook(sql);
      if (isRequest) requests.push(sql);
      const isTheOne = isRequest && cut?.isAt(sql, requests.length) === true;
      if (isTheOne && cut?.moment === "before") return cutAll();
      backend.write(bytes);
      ending ||= isTheOne;
      if (ending && (type === "Q" || type === "S")) cutAll();
    });
    client.on("data", read);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    requests,
    wasCut: () => isCut,
    close: () =>
      new Promise((resolve) => {
        for (const [client, backend] of pairs) {
          client.destroy();
          backend.destroy();
        }
        listener.close(() => resolve());
      }),
  };
}

/** Whether it is one of the looks at the session that works, which come by the clock. */
function isLook(sql: string): boolean {
  return sql.includes("pg_blocking_pids");
}

interface Message {
  /** Its first byte; "" for the message that starts a connection, which has none. */
  type: string;
  bytes: Buffer;
}

/** Cuts a stream of bytes into the messages of the protocol. */
function messageReader(take: (message: Message) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return;
      const length = head + rest.readInt32BE(head);
      if (rest.length < length) return;
      const bytes = rest.subarray(0, length);
      rest = rest.subarray(length);
      take({ type: started ? String.fromCharCode(bytes[0] ?? 0) : "", bytes });
      started = true;
    }
  };
}

function textOf(type: string, bytes: Buffer): string {
  const body = bytes.subarray(5);
  // A Parse names the prepared statement before its text.
  const text = type === "Q" ? body : body.subarray(body.indexOf(0) + 1);
  return text.subarray(0, text.indexOf(0)).toString();
}
