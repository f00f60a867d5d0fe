import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Client } from "pg";

/**
 * Starts the servers that all database tests share, PostgreSQL with the contract's roles and the AWS
 * emulator, and leaves addresses and passwords in the environment variables that `database.ts` reads.
 */
export default async function startServers(): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "app-data-test-"));
  process.env["TEST_SERVERS_DIRECTORY"] = directory;
  const { startPostgres } = await loadTool("postgres");
  // Nothing here outlives the tests: durability would only cost time.
  const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
  const server = await startPostgres({ directory, settings });

  process.env["TEST_POSTGRES_HOST"] = server.host;
  process.env["TEST_POSTGRES_PORT"] = String(server.port);
  process.env["TEST_POSTGRES_PASSWORD_POSTGRES"] = server.password;
  for (const role of ["MASTER", "MIGRATOR", "APP"]) {
    process.env[`TEST_POSTGRES_PASSWORD_${role}`] = randomBytes(18).toString("base64url");
  }
  await createRoles(server);
  await startSecretsManager(directory);
}

/** The emulator keeps the migrator's secrets, as Secrets Manager does. */
async function startSecretsManager(directory: string): Promise<void> {
  const { installEmulator, startEmulator } = await loadTool("emulator");
  const { AWS_ENVIRONMENT } = await loadTool("aws-client");
  const python = await installEmulator({
    report: (line: string) => process.stderr.write(`${line}\n`),
  });
  const { endpoint } = await startEmulator({ directory: path.join(directory, "emulator"), python });
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
async function createRoles(server: { host: string; port: number; password: string }) {
  const connection = { host: server.host, port: server.port, database: "postgres" };
  const password = (role: string) =>
    `password '${process.env[`TEST_POSTGRES_PASSWORD_${role}`] ?? ""}'`;

  await withClient({ ...connection, user: "postgres", password: server.password }, [
    `create role master login nosuperuser createrole createdb ${password("MASTER")}`,
  ]);
  const masterPassword = process.env["TEST_POSTGRES_PASSWORD_MASTER"];
  await withClient({ ...connection, user: "master", password: masterPassword }, [
    `create role migrator login nosuperuser nobypassrls ${password("MIGRATOR")}`,
    "create role anon nologin nosuperuser nobypassrls",
    "create role authenticated nologin nosuperuser nobypassrls",
    "create role service_role nologin nosuperuser nobypassrls",
    `create role app login noinherit nosuperuser nobypassrls ${password("APP")}`,
    "grant anon, authenticated, service_role to app with inherit false, set true",
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
