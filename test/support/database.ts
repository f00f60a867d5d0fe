import { randomBytes } from "node:crypto";
import { Client, Pool, type ClientBase } from "pg";
import type { TestServer } from "./start-servers";

/** A role that can log in, `service` and `monitor` where a test lets them connect; `postgres` is the superuser, the control that sees every row. */
export type LoginRole = "postgres" | "master" | "migrator" | "app" | "service" | "monitor";

/** A role that a request runs as. */
export type RequestRole = "anon" | "authenticated" | "service_role";

/** What becomes of the transaction; a failure always rolls it back. */
export interface TransactionOptions {
  /** @default false */
  commit?: boolean;
}

/** A database of one test file, owned by `migrator`; empty, but for what PostgreSQL brings. */
export interface TestDatabase {
  name: string;
  host: string;
  port: number;
  /** A new connection, closed by {@link TestDatabase.drop} at the latest. */
  connect(role: LoginRole): Promise<Client>;
  /** The password of a role that logs in. */
  password(role: LoginRole): string;
  /** The connection URL of a role, with its password. */
  url(role: LoginRole): string;
  /** Runs one transaction as `app` does for a signed-in user. */
  asUser<T>(
    userId: string,
    work: (client: ClientBase) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /**
   * Runs one transaction that `app` starts by taking on a role.
   * @param claims becomes `request.jwt.claims`: an object as JSON, a string as it is; undefined
   * leaves the setting alone.
   */
  asRole<T>(
    role: RequestRole,
    claims: object | string | undefined,
    work: (client: ClientBase) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /** Closes every connection and drops the database. */
  drop(): Promise<void>;
}

/**
 * Creates a database on this worker's server of `start-servers.ts`, with no right for PUBLIC.
 * @param template name of the database that it is a copy of, to which nobody is connected.
 */
export async function createDatabase(template = "template1"): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const { host, port, passwords } = workersServer();
  const passwordOf = (role: LoginRole) => passwords[role];
  const connection = (user: LoginRole, database: string) => ({
    host,
    port,
    user,
    password: passwordOf(user),
    database,
  });
  await administer(connection("postgres", "postgres"), [
    // Copying files is cheaper than logging their pages.
    `create database ${name} owner migrator template ${template} strategy file_copy`,
    `revoke all on database ${name} from public`,
    `grant connect on database ${name} to app`,
  ]);

  const clients: Client[] = [];
  const pool = new Pool({ ...connection("app", name), max: 8 });
  const asRole: TestDatabase["asRole"] = async (role, claims, work, { commit = false } = {}) => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query(`set local role ${role}`);
      if (claims !== undefined) {
        const text = typeof claims === "string" ? claims : JSON.stringify(claims);
        await client.query("select set_config('request.jwt.claims', $1, true)", [text]);
      }
      const result = await work(client);
      await client.query(commit ? "commit" : "rollback");
      return result;
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
    }
  };

  return {
    name,
    host,
    port,
    password: passwordOf,
    url: (role) => `postgresql://${role}:${passwordOf(role)}@${host}:${port}/${name}`,
    async connect(role) {
      const client = new Client(connection(role, name));
      await client.connect();
      clients.push(client);
      return client;
    },
    asRole,
    asUser: (userId, work, options) =>
      asRole("authenticated", { sub: userId, role: "authenticated" }, work, options),
    async drop() {
      await Promise.all([pool.end(), ...clients.map((client) => client.end())]);
      await administer(connection("postgres", "postgres"), [`drop database ${name} with (force)`]);
    },
  };
}

async function administer(
  connection: ConstructorParameters<typeof Client>[0],
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

function workersServer(): TestServer {
  const servers = process.env["TEST_POSTGRES_SERVERS"];
  const worker = Number(process.env["JEST_WORKER_ID"] ?? "1");
  const server = (JSON.parse(servers ?? "[]") as TestServer[])[worker - 1];
  if (server) return server;
  throw new Error(
    "TEST_POSTGRES_SERVERS names no server for this worker: tests of test/sql, test/migrator and " +
      "test/types need the servers of jest's project `database`. Run " +
      "`npx jest --selectProjects database`.",
  );
}
