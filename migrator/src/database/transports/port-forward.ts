import { type Server, type Socket, connect, createServer } from "node:net";
import { pipeline } from "node:stream/promises";
import { reasonOf } from "../server-error";
import { CODES, MigratorError } from "../../errors";
import type { Route } from "./route";
import type { TunnelSettings } from "../settings";
import { closeTunnels, shareTunnel } from "./tunnel-pool";

/** A port of this machine that leads to a server through a tunnel. */
export interface PortForward {
  /** Where it listens, `127.0.0.1:PORT`. */
  address: string;
  /** Ends all connections and the tunnel. */
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";

/**
 * Listens on a port of the loopback interface and leads each connection to the server. The tunnel is
 * open when this returns; when its session ends, because nothing passed for a while or AWS ended it, the
 * next connection opens another, so that the port stays good for as long as a deployment takes.
 * @param port 0 for a free one.
 * @throws MigratorError MIG086 when the port cannot be listened on, MIG032 to MIG034 or MIG085 when the
 * tunnel does not open.
 */
export async function forwardPort(
  server: { host: string; port: number },
  tunnel: TunnelSettings,
  port: number,
): Promise<PortForward> {
  const open = new Set<Socket>();
  const listener = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
    void lead(socket, shareTunnel(server, tunnel));
  });
  const bound = await listen(listener, port);
  const close = async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => listener.close(resolve));
    await closeTunnels();
  };
  try {
    // Held until the end: a tunnel that nobody uses is closed.
    await shareTunnel(server, tunnel);
    return { address: `${LOOPBACK}:${bound}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Joins a connection with one through the tunnel, until either ends. */
async function lead(socket: Socket, opening: Promise<Route>): Promise<void> {
  try {
    const { host, port, release } = await opening;
    const remote = connect({ host, port });
    const end = () => {
      socket.destroy();
      remote.destroy();
      release();
    };
    pipeline(socket, remote, socket).then(end, end);
  } catch {
    // The tunnel did not open again: the client is told by the end of its connection.
    socket.destroy();
  }
}

function listen(listener: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once("error", (cause) => {
      const message =
        `Could not listen on ${LOOPBACK}:${port} (${reasonOf(cause)}). Choose another port with ` +
        "--local-port, and the same in database.tunnel.";
      reject(new MigratorError(CODES.portTaken, message, { cause }));
    });
    listener.listen({ host: LOOPBACK, port }, () => {
      const address = listener.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
