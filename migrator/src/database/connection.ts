import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { Client } from "pg";
import { CODES, MigratorError } from "../errors";
import { describeAddress } from "./address";
import { forgetPassword, readPassword } from "./credentials";
import { explainDatabaseError } from "./database-error";
import { regionOfInstance } from "./instance-region";
import { lentForTransaction, sessionKind } from "./pooler";
import { reasonOf, sqlStateOf } from "./server-error";
import type { ConnectionSettings, Credentials, EncryptedTls, TlsSettings } from "./settings";
import { TOOL_VERSION } from "./tool-version";
import { openRoute } from "./transports/transport";

const CONNECT_TIMEOUT_MS = 10_000;
const INVALID_PASSWORD = "28P01";

/**
 * Runs `work` on a connection that is closed whatever happens.
 * @throws MigratorError MIG003 when the database cannot be reached or refuses the login, MIG004, MIG030
 * or MIG031 when there is no password to log in with, MIG032 to MIG034 or MIG085 when the tunnel does not
 * open, MIG038 when a pooler in transaction mode is in between, MIG078 when the role lacks a right, MIG079 when the connection breaks.
 */
export async function withConnection<T>(
  settings: ConnectionSettings,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const route = await openRoute(settings);
  try {
    const client = await connect(settings, route);
    try {
      const kind = await sessionKind(client, () => login(settings, route));
      if (kind === "lent for a transaction") throw lentForTransaction(settings);
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
    ssl: await tlsOptions(tls),
    application_name: `app-data migrator ${TOOL_VERSION}`,
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

async function tlsOptions(tls: TlsSettings): Promise<false | ConnectionOptions> {
  if (tls.mode === "disable") return false;
  const { mode, serverName: servername } = tls;
  if (mode === "require") return { servername, rejectUnauthorized: false };
  const ca = await authorities(tls);
  return {
    servername,
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(mode === "verify-ca" && { checkServerIdentity: () => undefined }),
  };
}

/**
 * The certificates that may vouch for the server, as PEM: of those of RDS, those of its region, when its name
 * says which.
 * @returns undefined for those that Node.js trusts anyway.
 * @throws MigratorError MIG003 when the file of the settings cannot be read.
 */
export async function authorities(tls: EncryptedTls): Promise<string | undefined> {
  const { authoritiesFile, serverName } = tls;
  if (authoritiesFile === "system") return undefined;
  if (authoritiesFile === undefined) {
    // Loaded when it is needed: it is 200 kB of certificates.
    const { certificateAuthorities } = await import("./certificate-authorities");
    return certificateAuthorities(regionOfInstance(serverName)) || certificateAuthorities();
  }
  try {
    return readFileSync(authoritiesFile, "utf8");
  } catch (cause) {
    throw new MigratorError(
      CODES.cannotConnect,
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
    CODES.cannotConnect,
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
