import { performance } from "node:perf_hooks";
import tls from "node:tls";
import pg from "pg";
import { AppDataError, codeOf } from "../errors.js";
import { requireLoopback, type Settings } from "../settings.js";
import { databaseTypes } from "../types/parsers.js";
import { certificateAuthorities } from "./certificate-authorities.js";
import type { Login } from "./login.js";

const WRONG_PASSWORD = "28P01";
const IDLE_MS = 60_000;
/** For a connection to be there, with TLS and login. */
const CONNECT_MS = 5_000;
/** What pg says after that time; it has no code. */
const NOT_ANSWERED = "timeout expired";

/** The server ends what is too late by itself; this is for one that is not heard of any more. */
export const SERVER_GRACE_MS = 500;

/** Connections of one login. */
export class ConnectionPool {
  private readonly pool: pg.Pool;
  private readonly address: string;
  private ending: Promise<void> | undefined;

  /**
   * @param streams whether they are for `COPY`, which cannot share a connection with queries that are sent
   * ahead.
   */
  constructor(
    private readonly login: Login,
    settings: Settings,
    public readonly streams = false,
  ) {
    const host = settings.databaseHost ?? login.host;
    if (settings.databaseTls === "off") requireLoopback(host);
    const port = settings.databasePort ?? login.port;
    this.address = `${host}:${port}`;
    const config: pg.ClientConfig = {
      host,
      port,
      database: login.database,
      user: login.user,
      password: login.password,
      ssl: settings.databaseTls === "verify" && {
        ca: certificateAuthorities(login.host, settings.region),
        // What an address is asked for. Of a name that is dialled pg asks for that name, and would verify it.
        servername: login.host,
        checkServerIdentity: (_dialled, certificate) =>
          tls.checkServerIdentity(login.host, certificate),
      },
      connectionTimeoutMillis: CONNECT_MS,
      application_name: "app-data",
      keepAlive: true,
      types: databaseTypes,
      // Sends what was asked without waiting for the answers before it; `begin` costs no round trip.
      pipeline: !streams,
    };
    this.pool = new pg.Pool({
      max: settings.poolSize,
      idleTimeoutMillis: IDLE_MS,
      // The pool's own time limit would also be one for the wait in its queue, which has the deadline.
      Client: class extends pg.Client {
        constructor() {
          super(config);
        }
      },
    });
    // A connection that breaks fails the query that it has; one that has none is replaced at its use.
    this.pool.on("error", () => undefined);
    this.pool.on("connect", (client) => client.on("error", () => undefined));
    // One that is not clean may have a query on its way, whose answer pg would wait for before it closes.
    this.pool.on("release", (unclean, client) => {
      if (unclean) client.connection.stream.destroy();
    });
  }

  /**
   * A connection, for the caller to release. A password that is refused is read again once.
   * @throws AppDataError DAT002 where there is none in time, or the database does not answer.
   */
  async take(withinMs: number): Promise<pg.PoolClient> {
    const connecting = this.connect();
    return within(connecting, withinMs, () => {
      connecting.then((unused) => unused.release()).catch(() => undefined);
      return new AppDataError(
        "DAT002",
        `No connection was free for ${withinMs} ms. Raise poolSize or the deadline, or look for work ` +
          "that keeps its transaction open.",
      );
    });
  }

  /**
   * Runs work on a connection, as the login itself. Where that fails or does not end, the connection is
   * closed.
   * @param withinMs for the work, with the wait for its connection.
   * @throws what the work threw; AppDataError DAT002 as {@link ConnectionPool.take}.
   */
  async use<Result>(
    work: (client: pg.ClientBase) => Promise<Result>,
    withinMs: number,
  ): Promise<Result> {
    const end = performance.now() + withinMs;
    const client = await this.take(withinMs);
    let isClean = false;
    try {
      const leftMs = Math.max(0, end - performance.now()) + SERVER_GRACE_MS;
      const result = await within(work(client), leftMs, () => this.notAnswered(withinMs));
      isClean = true;
      return result;
    } finally {
      client.release(!isClean);
    }
  }

  /** Closes all connections, once they are released; who asks again waits for the same. */
  end(): Promise<void> {
    this.ending ??= this.pool.end();
    return this.ending;
  }

  private async connect(): Promise<pg.PoolClient> {
    try {
      return await this.pool.connect().catch(async (error: unknown) => {
        if (codeOf(error) !== WRONG_PASSWORD) throw error;
        this.login.forget();
        // Read first: what the connection waits for it is of the time that the database has.
        await this.login.password();
        return this.pool.connect();
      });
    } catch (error) {
      const isSilent = error instanceof Error && error.message === NOT_ANSWERED;
      throw isSilent ? this.notAnswered(CONNECT_MS, error) : error;
    }
  }

  private notAnswered(forMs: number, cause?: Error): AppDataError {
    return new AppDataError(
      "DAT002",
      `The database at ${this.address} did not answer for ${forMs} ms. Check the address, the ` +
        "route to it, its security group, and whether it is up.",
      { cause },
    );
  }
}

/** What the work comes to, or an error where it comes too late. */
async function within<Result>(
  work: Promise<Result>,
  withinMs: number,
  lateError: () => AppDataError,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lateError()), withinMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
