import { readFileSync } from "node:fs";
import { isNativeError } from "node:util/types";
import { Client } from "pg";
import { type Credentials, forgetPassword, readPassword } from "./credentials";
import { explainDatabaseError } from "./database-error";
import { MigratorError } from "./errors";
import { regionOfInstance } from "./instance-region";
import { type TransportSettings, openRoute } from "./transports/transport";
import { describeTarget } from "./transports/tunnel-target";

/** How to reach a database, and as whom. Holds no secret. */
export interface ConnectionSettings {
  /** Name or address of the server, or of a port-forward that somebody else keeps open to it. */
  host: string;
  port: number;
  database: string;
  user: string;
  /** Where the password comes from. */
  credentials: Credentials;
  tls: TlsSettings;
  /** Which way connections take. @default direct */
  transport?: TransportSettings;
}

/** Whether the server has to prove who it is. */
export type TlsSettings = { mode: "disable" } | VerifiedTls;

/** The server has to prove who it is. */
export interface VerifiedTls {
  mode: "verify-full";
  /** The name that the server's certificate must carry, also when `host` is a tunnel. */
  serverName: string;
  /** PEM file of the authorities to trust in place of those of RDS. @default those of RDS */
  authoritiesFile?: string;
}

const VERSION = "0.1.0";
const CONNECT_TIMEOUT_MS = 10_000;
const INVALID_PASSWORD = "28P01";

/** The migrator's version, as the log records it. */
export const TOOL_VERSION = VERSION;

/**
 * Runs `work` on a connection that is closed whatever happens.
 * @throws MigratorError MIG003 when the database cannot be reached or refuses the login, MIG004, MIG030
 * or MIG031 when there is no password to log in with, MIG032 to MIG034 or MIG085 when the tunnel does not
 * open, MIG078 when the role lacks a right, MIG079 when the connection breaks.
 */
export async function withConnection<T>(
  settings: ConnectionSettings,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const route = await openRoute(settings);
  try {
    const client = await connect(settings, route);
    try {
      return await work(client);
    } catch (error) {
      throw explainDatabaseError(error, settings);
    } finally {
      await client.end();
    }
  } finally {
    route.release();
  }
}

async function connect(settings: ConnectionSettings, address: Address): Promise<Client> {
  try {
    return await login(settings, address);
  } catch (error) {
    const mayBeOutdated = settings.credentials.kind === "secret";
    if (!mayBeOutdated || sqlStateOf(error) !== INVALID_PASSWORD) throw refused(settings, error);
    // The secret may have been rotated since this process read it.
    forgetPassword(settings);
  }
  try {
    return await login(settings, address);
  } catch (error) {
    throw refused(settings, error);
  }
}

/** What is dialled: the server itself, or this machine's end of a tunnel to it. */
interface Address {
  host: string;
  port: number;
}

/** Opens one connection over a route; the caller closes it. */
export async function login(settings: ConnectionSettings, address: Address): Promise<Client> {
  const { database, user, tls } = settings;
  const client = new Client({
    host: address.host,
    port: address.port,
    database,
    user,
    password: await readPassword(settings),
    ssl:
      tls.mode === "disable"
        ? false
        : { ca: await authorities(tls), servername: tls.serverName, rejectUnauthorized: true },
    application_name: `app-data migrator ${VERSION}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    // Messages are sent without a wait for the answers to those before them.
    pipeline: true,
  });
  // Without a listener a connection that breaks between two queries ends the process;
  // the query that follows reports it.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/**
 * The certificates that may vouch for the server, as PEM: those of its region, when its name says which.
 * @throws MigratorError MIG003 when the file of the settings cannot be read.
 */
export async function authorities(tls: VerifiedTls): Promise<string> {
  const { authoritiesFile, serverName } = tls;
  if (authoritiesFile === undefined) {
    // Loaded when it is needed: it is 200 kB of certificates.
    const { certificateAuthorities } = await import("./certificate-authorities");
    return certificateAuthorities(regionOfInstance(serverName)) || certificateAuthorities();
  }
  try {
    return readFileSync(authoritiesFile, "utf8");
  } catch (cause) {
    throw new MigratorError(
      "MIG003",
      `Could not read the certificate authorities in ${authoritiesFile}. It must be a PEM file; ` +
        "leave it out to trust those of RDS.",
      { cause },
    );
  }
}

function refused(settings: ConnectionSettings, cause: unknown): MigratorError {
  if (cause instanceof MigratorError) return cause;
  const { database, user, credentials } = settings;
  return new MigratorError(
    "MIG003",
    `Could not connect to database ${database} at ${describeAddress(settings)} as ${user}: ${reasonOf(cause)}. ` +
      `Check that the address is routable from here (or set database.tunnel), that the server runs, and ${PASSWORD_CHECK[credentials.kind]}.`,
    { cause },
  );
}

const PASSWORD_CHECK: Record<Credentials["kind"], string> = {
  secret: "that the secret holds the current password",
  iam: "that the role is a member of rds_iam and that rds-db:connect is allowed for it",
  environment: "that the environment variable holds the current password",
};

/** The server as errors name it, with the way to it. */
export function describeAddress({ host, port, transport }: ConnectionSettings): string {
  const way = transport?.kind === "tunnel" ? ` through ${describeTarget(transport.target)}` : "";
  return `${host}:${port}${way}`;
}

/** What an error of the network, of TLS or of PostgreSQL says, or its code when it says nothing. */
export function reasonOf(cause: unknown): string {
  return isNativeError(cause) ? cause.message || String(sqlStateOf(cause)) : String(cause);
}

/** The SQLSTATE or system error code of an error, when it has one. */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
