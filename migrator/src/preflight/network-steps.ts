import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Client } from "pg";
import type { ConnectionSettings } from "../database/settings";
import { login } from "../database/connection";
import { WITHOUT_POOLER, sessionKind } from "../database/pooler";
import { reasonOf, sqlStateOf } from "../database/server-error";
import { MigratorError } from "../errors";
import { dial } from "../database/transports/server-probe";
import type { Route } from "../database/transports/route";
import type { TunnelSettings } from "../database/settings";
import { openRoute } from "../database/transports/transport";
import { describeTarget } from "../database/transports/tunnel-target";
import type { Finding } from "./finding";

// With those of the other steps they add up to less than 30 s.
const NAME_MS = 4_000;
const ROUTE_MS = 5_000;
const TUNNEL_SECONDS = 13;
const LOGIN_MS = 8_000;

/** Whether the name of the server has an address. */
export async function checkName({ host, transport }: ConnectionSettings): Promise<Finding> {
  if (transport?.kind === "tunnel") {
    return {
      detail: `${host} is looked up by ${describeTarget(transport.target)}, at the tunnel's end`,
    };
  }
  if (isIP(host)) return { detail: `${host} is an address` };
  try {
    const addresses = await within(NAME_MS, lookup(host, { all: true }));
    return { detail: `${host} is ${addresses.map(({ address }) => address).join(", ")}` };
  } catch (error) {
    return {
      detail: `${host} has no address: ${reasonOf(error)}`,
      remedy:
        "Compare the name with the instance's endpoint (aws rds describe-db-instances); a private " +
        "name needs the DNS of its network, or a tunnel.",
    };
  }
}

/** Whether a connection to the server can be opened. */
export async function checkRoute(
  settings: ConnectionSettings,
): Promise<Finding & { route?: Route }> {
  const { host, port, transport } = settings;
  if (transport?.kind === "tunnel") return checkTunnel(settings, transport);
  try {
    (await dial({ host, port }, ROUTE_MS)).destroy();
    return { detail: `${host}:${port} takes connections`, route: await openRoute(settings) };
  } catch (error) {
    const refused = sqlStateOf(error) === "ECONNREFUSED";
    return {
      detail: `${host}:${port} cannot be reached: ${reasonOf(error)}`,
      remedy: refused
        ? "Nothing listens there: is it the right port, is the server (or the port-forward to it) running?"
        : "No way leads there from here: run this inside the network, or through a tunnel " +
          "(database.tunnel); the database's security group must let this machine in.",
    };
  }
}

async function checkTunnel(
  settings: ConnectionSettings,
  transport: TunnelSettings,
): Promise<Finding & { route?: Route }> {
  const way = describeTarget(transport.target);
  const openSeconds = Math.min(transport.openSeconds ?? TUNNEL_SECONDS, TUNNEL_SECONDS);
  try {
    const route = await openRoute({ ...settings, transport: { ...transport, openSeconds } });
    const detail = `${settings.host}:${settings.port} answers through ${way}, at ${route.host}:${route.port}`;
    return { detail, route };
  } catch (error) {
    const remedy = error instanceof MigratorError ? error.message : reasonOf(error);
    return { detail: `no tunnel through ${way}`, remedy };
  }
}

/** Whether the server lets the role in; the connection is the caller's to close. */
export async function checkLogin(
  settings: ConnectionSettings,
  route: Route,
): Promise<Finding & { client?: Client }> {
  const { user, database } = settings;
  const opening = login(settings, route);
  try {
    const client = await within(LOGIN_MS, opening);
    return { detail: `${user} is let in to ${database}`, client };
  } catch (error) {
    // One that comes too late must not stay open.
    opening.then((client) => client.end()).catch(() => undefined);
    // The migrator's own errors say what to do: a secret that cannot be read, a token that cannot be signed.
    if (error instanceof MigratorError) return { detail: "no password", remedy: error.message };
    const detail = `${user} is not let in to ${database}: ${reasonOf(error)}`;
    return { detail, remedy: loginRemedy(sqlStateOf(error), settings) };
  }
}

/** Whether the connection has a session of the server to itself. */
export async function checkSession(
  settings: ConnectionSettings,
  route: Route,
  client: Client,
): Promise<Finding> {
  const kind = await within(
    LOGIN_MS,
    sessionKind(client, () => login(settings, route)),
  );
  const detail = kind === "own" ? "one of its own" : `a pooler's, ${kind}`;
  return kind === "lent for a transaction" ? { detail, remedy: WITHOUT_POOLER } : { detail };
}

function loginRemedy(
  state: string | undefined,
  { user, database, credentials }: ConnectionSettings,
) {
  switch (state) {
    case "28P01":
      return credentials.kind === "environment"
        ? `The variable ${credentials.variable} must hold the role's current password.`
        : "The server has another password than the secret: pulumi up sets both.";
    case "28000":
      return credentials.kind === "iam"
        ? `IAM authentication must be enabled on the instance, ${user} a member of rds_iam, and ` +
            `rds-db:connect allowed on dbuser:<resource id>/${user} for the AWS credentials in use.`
        : "The server's pg_hba.conf lets nobody in this way: the role must exist and may log in, and RDS demands TLS.";
    case "3D000":
      return `The stack makes the database: pulumi up, or correct the name ${database}.`;
    case "42501":
      return `The database's owner must let it in: grant connect on database ${database} to ${user}.`;
    case "53300":
      return "All connections are taken: end idle ones (pg_stat_activity), or raise max_connections.";
    case "57P03":
      return "The server is starting or stopping: wait, and try again.";
    default:
      return "The server's log says more.";
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`no answer within ${milliseconds / 1000} s`);
    timer = setTimeout(() => reject(error), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
