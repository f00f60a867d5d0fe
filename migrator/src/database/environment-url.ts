import { isIP } from "node:net";
import type { ConnectionSettings, TlsSettings } from "./settings";
import { CODES, MigratorError } from "../errors";

const PROTOCOLS = new Set(["postgresql:", "postgres:"]);
const DEFAULT_PORT = 5432;
/** What is said of a connection with `sslmode=require`. */
export const UNCHECKED =
  "encrypted, but nobody vouches for the server: name an authority (sslrootcert=FILE, or system)";
const EXAMPLE = "postgresql://user:password@host:5432/database";

/**
 * Reads settings from a variable of the environment that holds a PostgreSQL URL. The settings name the
 * variable; the password stays in it.
 * @param variable for instance `MIGRATOR_URL`. TLS is as `sslmode` says: `verify-full` (also the default),
 * `verify-ca`, `require`, or `disable` (the default on the loopback interface). `sslrootcert` names a PEM file
 * of authorities, or `system`; with it, `require` checks the certificate as `verify-ca` does.
 * @throws MigratorError MIG030, without the value, when it is missing or lacks a part.
 */
export function settingsFromUrl(variable: string): ConnectionSettings {
  const url = urlIn(variable, valueOf(variable));
  if (!url) throw notUsable(variable, "holds no PostgreSQL URL");
  const database = decoded(url.pathname.slice(1));
  const user = decoded(url.username);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (!host || !user || !database) {
    throw notUsable(variable, "holds a URL without a host, a user or a database");
  }
  const tls = tlsOf(variable, url, host);
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return { host, port, database, user, credentials: { kind: "environment", variable }, tls };
}

/**
 * The password in a variable of the environment: that of its PostgreSQL URL, or all of it.
 * @throws MigratorError MIG030 when the variable is not set, or its URL has no password.
 */
export function passwordInVariable(variable: string): string {
  const value = valueOf(variable);
  const url = urlIn(variable, value);
  const password = url ? decoded(url.password) : value;
  if (!password) throw notUsable(variable, "holds a URL without a password");
  return password;
}

function valueOf(variable: string): string {
  const value = process.env[variable];
  if (value) return value;
  throw notUsable(variable, "is not set");
}

/** Undefined when the value is no URL of PostgreSQL at all. */
function urlIn(variable: string, value: string): URL | undefined {
  if (!/^postgres(?:ql)?:/i.test(value)) return undefined;
  if (URL.canParse(value)) {
    const url = new URL(value);
    if (PROTOCOLS.has(url.protocol)) return url;
  }
  // The parser's own message would quote the password.
  throw notUsable(
    variable,
    "holds a URL that cannot be read; characters such as @ / # in a password must be escaped (%40, %2F, %23)",
  );
}

function tlsOf(variable: string, { searchParams }: URL, host: string): TlsSettings {
  const mode = searchParams.get("sslmode") ?? (isLoopback(host) ? "disable" : "verify-full");
  if (mode === "disable") return { mode };
  if (mode !== "verify-full" && mode !== "verify-ca" && mode !== "require") {
    throw notUsable(
      variable,
      `has sslmode ${mode}, which goes on unencrypted where the server has it so; it must be verify-full, ` +
        "verify-ca or require, or disable on a network of your own",
    );
  }
  const authoritiesFile = searchParams.get("sslrootcert");
  if (!authoritiesFile) return { mode, serverName: host };
  return { mode: mode === "require" ? "verify-ca" : mode, serverName: host, authoritiesFile };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** A part of a URL without its escapes; one with a stray % is meant as it stands. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function notUsable(variable: string, what: string): MigratorError {
  return new MigratorError(
    CODES.noConnectionUrl,
    `The environment variable ${variable} ${what}. Set it to ${EXAMPLE}.`,
  );
}
