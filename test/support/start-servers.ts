import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Client } from "pg";
import { abandonedDirectories, makeServersDirectory } from "./servers-directory";

const EMULATOR = "emulator";

/** A PostgreSQL server, and the passwords of the roles that log in. */
export interface TestServer {
  host: string;
  port: number;
  passwords: Record<"postgres" | "master" | "migrator" | "app" | "service" | "monitor", string>;
}

/**
 * Starts the servers of the database tests and leaves where they are in the environment: a
 * PostgreSQL with the contract's roles for each of jest's workers, because tests change roles, which
 * a server's databases share, and one AWS emulator.
 */
export default async function startServers({ maxWorkers }: { maxWorkers: number }): Promise<void> {
  for (const abandoned of abandonedDirectories()) await removeServers(abandoned);
  const directory = makeServersDirectory();
  process.env["TEST_SERVERS_DIRECTORY"] = directory;
  const [servers] = await Promise.all([
    Promise.all(postgresDirectories(directory, maxWorkers).map(startServer)),
    startSecretsManager(directory),
  ]);
  process.env["TEST_POSTGRES_SERVERS"] = JSON.stringify(servers);
}

/** Stops the servers whose files are in a folder, and deletes it. */
export async function removeServers(directory: string): Promise<void> {
  const { stopEmulator } = await loadTool("emulator");
  await stopEmulator({ directory: path.join(directory, EMULATOR) });
  const { removePostgres } = await loadTool("postgres");
  const servers = readdirSync(directory).filter((name) => name !== EMULATOR);
  await Promise.all(
    servers.map((name) => removePostgres({ directory: path.join(directory, name) })),
  );
  rmSync(directory, { recursive: true, force: true });
}

/** Where the server of each worker keeps its files, the first worker's first. */
function postgresDirectories(directory: string, workers: number): string[] {
  return Array.from({ length: workers }, (_, index) =>
    path.join(directory, `postgres-${index + 1}`),
  );
}

async function startServer(directory: string): Promise<TestServer> {
  const { startPostgres } = await loadTool("postgres");
  const settings = {
    // Nothing here outlives the tests: durability would only cost time.
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    // A test logs in a dozen times, and a password that lives for minutes needs no slow hash.
    scram_iterations: "1",
    // What a test counts, as the steps of the migrator, would else depend on who cleans up meanwhile.
    autovacuum: "off",
    // As on RDS; a database has the extension only where a test makes it.
    shared_preload_libraries: "pg_stat_statements",
  };
  const { host, port, password } = await startPostgres({ directory, settings });
  const newPassword = () => randomBytes(18).toString("base64url");
  const server = {
    host,
    port,
    passwords: {
      postgres: password,
      master: newPassword(),
      migrator: newPassword(),
      app: newPassword(),
      service: newPassword(),
      monitor: newPassword(),
    },
  };
  await createRoles(server);
  return server;
}

/** The emulator keeps the migrator's secrets, as Secrets Manager does. */
async function startSecretsManager(directory: string): Promise<void> {
  const { installEmulator, startEmulator } = await loadTool("emulator");
  const { AWS_ENVIRONMENT } = await loadTool("aws-client");
  const python = await installEmulator({
    report: (line: string) => process.stderr.write(`${line}\n`),
  });
  const { endpoint } = await startEmulator({ directory: path.join(directory, EMULATOR), python });
  Object.assign(process.env, AWS_ENVIRONMENT, { AWS_ENDPOINT_URL: endpoint });
}

/** What is used of `tools/local`. */
interface Tools {
  postgres: typeof import("../../tools/local/postgres.mjs");
  emulator: typeof import("../../tools/local/emulator.mjs");
  "aws-client": typeof import("../../tools/local/aws-client.mjs");
}

/** Loads a module of `tools/local`. It is ESM, and tests are compiled to CommonJS, which would `require` it. */
export async function loadTool<Name extends keyof Tools>(name: Name): Promise<Tools[Name]> {
  const file = path.resolve(__dirname, `../../tools/local/${name}.mjs`);
  const load = new Function("url", "return import(url)") as (url: string) => Promise<Tools[Name]>;
  return load(pathToFileURL(file).href);
}

/**
 * As on RDS: the superuser is Amazon's, and makes a master that is none. The master makes the
 * roles of the contract, with the statements that `@pulumi/postgresql` sends.
 */
async function createRoles({ host, port, passwords }: TestServer) {
  const connection = { host, port, database: "postgres" };
  const { postgres, master, migrator, app, service, monitor } = passwords;
  await withClient({ ...connection, user: "postgres", password: postgres }, [
    `create role master login nosuperuser createrole createdb password '${master}'`,
  ]);
  await withClient({ ...connection, user: "master", password: master }, [
    `create role migrator login nosuperuser nobypassrls password '${migrator}'`,
    "create role anon nologin nosuperuser nobypassrls",
    "create role authenticated nologin nosuperuser nobypassrls",
    "create role service_role nologin nosuperuser nobypassrls",
    `create role app login noinherit nosuperuser nobypassrls password '${app}'`,
    "grant anon, authenticated, service_role to app with inherit false, set true",
    `create role service login noinherit nosuperuser nobypassrls password '${service}'`,
    "grant service_role to service with inherit false, set true",
    `create role monitor login noinherit nosuperuser nobypassrls password '${monitor}'`,
  ]);
}

async function withClient(
  connection: { host: string; port: number; database: string; user: string; password?: string },
  statements: string[],
) {
  const client = new Client(connection);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
