import { type Socket, connect } from "node:net";

/** What a PostgreSQL server says when it is asked for TLS. */
export type TlsAnswer = "offered" | "not offered";

// The protocol's SSLRequest: its length, and the number that stands where a version would.
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Opens a TCP connection.
 * @throws the system's error (`ECONNREFUSED`, `EHOSTUNREACH`, …), or one with code `ETIMEDOUT`.
 */
export async function dial(
  { host, port }: { host: string; port: number },
  timeoutMs: number,
): Promise<Socket> {
  const socket = connect({ host, port });
  return settled(socket, timeoutMs, "no answer", (resolve) => {
    socket.once("connect", () => resolve(socket));
  });
}

/**
 * Asks a PostgreSQL server whether it offers TLS, which it answers before any login. The connection is
 * ready for the handshake then.
 * @throws an Error when something else answers, or nothing does in time.
 */
export async function askForTls(socket: Socket, timeoutMs: number): Promise<TlsAnswer> {
  return settled(
    socket,
    timeoutMs,
    "the connection is open, and no PostgreSQL answers on it",
    (resolve, reject) => {
      socket.once("data", (answer) => {
        const [letter] = answer.toString("latin1");
        if (letter === "S") resolve("offered");
        else if (letter === "N") resolve("not offered");
        else reject(new Error("what answers is not PostgreSQL"));
      });
      socket.write(SSL_REQUEST);
    },
  );
}

/** Asks once, on a connection of its own, whether PostgreSQL answers at all. */
export async function answersAsPostgres(
  address: { host: string; port: number },
  timeoutMs: number,
): Promise<void> {
  const socket = await dial(address, timeoutMs);
  try {
    await askForTls(socket, timeoutMs);
  } finally {
    socket.destroy();
  }
}

/** One step of a connection: done, failed, closed by the other end, or too late. */
function settled<T>(
  socket: Socket,
  timeoutMs: number,
  late: string,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const fail = (error: Error) => {
      done();
      socket.destroy();
      reject(error);
    };
    const closed = () => fail(new Error("the connection was closed at once"));
    const timer = setTimeout(
      () =>
        fail(
          Object.assign(new Error(`${late} within ${timeoutMs / 1000} s`), { code: "ETIMEDOUT" }),
        ),
      timeoutMs,
    );
    const done = () => {
      clearTimeout(timer);
      socket.removeListener("error", fail).removeListener("close", closed);
    };
    socket.once("error", fail).once("close", closed);
    start((value) => {
      done();
      // A later error is the caller's to see on what it does next, not the end of the process.
      socket.on("error", () => undefined);
      resolve(value);
    }, fail);
  });
}
