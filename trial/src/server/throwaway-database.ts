import { randomBytes } from "node:crypto";
import { type Contract, requestRolesOf } from "@app-data/rules";
import { Client, DatabaseError, escapeIdentifier } from "pg";
import { platformSql } from "./platforms";
import { NoServerError, type ThrowawayServer } from "./throwaway-server";

const DUPLICATE_OBJECT = "42710";
const DEPENDENT_OBJECTS = "2BP01";

/**
 * Runs `work` in a database of its own, owned by the role of migrations, with nothing in it but what the
 * contract's platform brings, and drops it. The connection is the superuser's; roles of the contract
 * that the server lacks are made, and dropped afterwards.
 * @throws NoServerError POL004 when the server cannot be reached, or is not fit.
 */
export async function withThrowawayDatabase<Result>(
  server: ThrowawayServer,
  contract: Contract,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const administrator = await connect(server, "postgres");
  const name = `throwaway_${randomBytes(6).toString("hex")}`;
  try {
    const made = await makeRoles(administrator, contract);
    try {
      await administrator.query(
        `create database ${name} owner ${escapeIdentifier(contract.migrationRole)}`,
      );
      await administrator.query(
        `revoke all on database ${name} from public;
         grant connect on database ${name} to ${escapeIdentifier(contract.loginRole)}`,
      );
      const client = await connect(server, name);
      try {
        await client.query(platformSql(contract));
        return await work(client);
      } finally {
        await client.end();
      }
    } finally {
      await administrator.query(`drop database if exists ${name} with (force)`);
      await dropRoles(administrator, contract, made);
    }
  } finally {
    await administrator.end();
  }
}

/** Makes the roles of the contract. @returns the names of those that were not there. */
async function makeRoles(administrator: Client, contract: Contract): Promise<string[]> {
  const { migrationRole, loginRole } = contract;
  const requestRoles = requestRolesOf(contract);
  const { rows } = await administrator.query<{ name: string; superuser: boolean }>(
    `select rolname as name, rolsuper as superuser from pg_roles
      where rolname = any ($1) or rolname = current_user`,
    [[migrationRole, loginRole, ...requestRoles]],
  );
  if (!rows.some(({ name, superuser }) => superuser && name === administrator.user)) {
    throw new NoServerError(
      `${administrator.user} is not a superuser of ${addressOf(administrator)}.`,
    );
  }
  const there = new Map(rows.map(({ name, superuser }) => [name, superuser]));
  if (there.get(migrationRole)) {
    throw new NoServerError(
      `${migrationRole} is a superuser of ${addressOf(administrator)}, whom nothing is refused.`,
    );
  }
  const made: string[] = [];
  const make = async (role: string, options: string) => {
    if (there.has(role)) return;
    try {
      await administrator.query(
        `create role ${escapeIdentifier(role)} ${options} nosuperuser nobypassrls`,
      );
      made.push(role);
    } catch (error) {
      // Somebody else has made it meanwhile.
      if (sqlStateOf(error) !== DUPLICATE_OBJECT) throw error;
    }
  };
  await make(migrationRole, "login");
  for (const role of requestRoles) await make(role, "nologin");
  await make(loginRole, "login noinherit");
  if (made.includes(loginRole)) {
    await administrator.query(
      `grant ${requestRoles.map(escapeIdentifier).join(", ")} to ${escapeIdentifier(loginRole)}
         with inherit false, set true`,
    );
  }
  return made;
}

/** Drops the roles that were made here, and those that the migrations made; a role in use stays. */
async function dropRoles(
  administrator: Client,
  { migrationRole }: Contract,
  made: readonly string[],
): Promise<void> {
  const { rows } = await administrator.query<{ name: string }>(
    `select r.rolname as name from pg_auth_members m join pg_roles r on r.oid = m.roleid
      where m.admin_option and m.member = to_regrole(quote_ident($1)) and $2`,
    [migrationRole, made.includes(migrationRole)],
  );
  for (const role of new Set([...rows.map(({ name }) => name), ...made])) {
    await administrator.query(`drop role ${escapeIdentifier(role)}`).catch((error: unknown) => {
      if (sqlStateOf(error) !== DEPENDENT_OBJECTS) throw error;
    });
  }
}

async function connect(server: ThrowawayServer, database: string): Promise<Client> {
  const client = new Client({ ...server, database });
  // What breaks is told by the query that follows.
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NoServerError(`${addressOf(client)} cannot be used: ${reason}.`, { cause });
  }
  return client;
}

function addressOf({ host, port }: Client): string {
  return `the server at ${host}:${port}`;
}

/** The SQLSTATE of an error of PostgreSQL. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}
