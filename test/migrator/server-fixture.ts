import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { Identity } from "./certificate-fixture";

/** A listening server of a test, on the loopback interface. */
export interface Listener {
  host: string;
  port: number;
  close(): Promise<void>;
}

/** Puts TLS before a server that has none, as PostgreSQL speaks it: asked for, then begun. */
export function listenWithTls(
  identity: Identity,
  behind: { host: string; port: number },
): Promise<Listener> {
  return listen((socket) => {
    socket.once("data", () => {
      socket.write("S");
      const { certificate: cert, key } = identity;
      const secured = new TLSSocket(socket, { isServer: true, cert, key });
      join(secured, connect(behind));
    });
  });
}

/** A server that takes connections and says nothing. */
export function listenInSilence(): Promise<Listener> {
  return listen(() => undefined);
}

/** A server that answers everything with a text. */
export function listenWith(answer: string): Promise<Listener> {
  return listen((socket) => socket.once("data", () => socket.end(answer)));
}

/**
 * A port on which the operating system drops whatever comes, as a firewall does: the server of another
 * process never takes the connections that fill its queue.
 */
export async function listenWithFullQueue(): Promise<Listener> {
  const script = `const server = require("node:net").createServer();
    server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
      require("node:fs").writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ["--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<number>((resolve) =>
    child.stdout.once("data", (text: Buffer) => resolve(Number(text.toString()))),
  );
  const fillers = Array.from({ length: 4 }, () =>
    connect({ host: "127.0.0.1", port }).on("error", () => undefined),
  );
  await setTimeout(200);
  return {
    host: "127.0.0.1",
    port,
    close: async () => {
      for (const filler of fillers) filler.destroy();
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function listen(serve: (socket: Socket) => void): Promise<Listener> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: "127.0.0.1",
    port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy()).on("close", () => to.destroy());
    from.pipe(to);
  }
}
