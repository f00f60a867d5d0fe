import { Client } from "pg";
import { forgetPassword, readPassword } from "./database-secret";
import { MigratorError } from "./errors";
import { certificateAuthorities } from "./certificate-authorities";

/** How to reach a database, and as whom. Holds no secret. */
export interface ConnectionSettings {
  host: string;
  port: number;
  database: string;
  user: string;
  /** ARN or name of the Secrets Manager secret that holds the user's password. */
  secretId: string;
  tls: TlsSettings;
}

/** Whether the server has to prove who it is. */
export type TlsSettings =
  | { mode: "disable" }
  | {
      mode: "verify-full";
      /** The name that the server's certificate must carry, also when `host` is a tunnel. */
      serverName: string;
    };

const VERSION = "0.1.0";
const CONNECT_TIMEOUT_MS = 10_000;
const INVALID_PASSWORD = "28P01";

/** The migrator's version, as the log records it. */
export const TOOL_VERSION = VERSION;

/**
 * Runs `work` on a connection that is closed whatever happens.
 * @throws MigratorError MIG003 when the database cannot be reached or refuses the login.
 */
export async function withConnection<T>(
  settings: ConnectionSettings,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(settings);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function connect(settings: ConnectionSettings): Promise<Client> {
  try {
    return await login(settings);
  } catch (error) {
    if (sqlStateOf(error) !== INVALID_PASSWORD) throw unreachable(settings, error);
    // The secret may have been rotated since this process read it.
    forgetPassword(settings);
  }
  try {
    return await login(settings);
  } catch (error) {
    throw unreachable(settings, error);
  }
}

async function login(settings: ConnectionSettings): Promise<Client> {
  const { host, port, database, user, tls } = settings;
  const client = new Client({
    host,
    port,
    database,
    user,
    password: await readPassword(settings),
    ssl:
      tls.mode === "disable"
        ? false
        : { ca: certificateAuthorities(), servername: tls.serverName, rejectUnauthorized: true },
    application_name: `app-data migrator ${VERSION}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // Without a listener a connection that breaks between two queries ends the process;
  // the query that follows reports it.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function unreachable(settings: ConnectionSettings, cause: unknown): MigratorError {
  if (cause instanceof MigratorError) return cause;
  const { host, port, database, user } = settings;
  const reason =
    cause instanceof Error ? cause.message || String(sqlStateOf(cause)) : String(cause);
  return new MigratorError(
    "MIG003",
    `Could not connect to database ${database} at ${host}:${port} as ${user}: ${reason}. ` +
      "Check that the address is routable from here (or set database.tunnel), that the server runs, " +
      "and that the secret holds the current password.",
    { cause },
  );
}

/** The SQLSTATE or system error code of an error, when it has one. */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
