import { randomBytes } from "node:crypto";
import { type Contract, requestRolesOf } from "@app-data/rules";
import { type Client, DatabaseError, escapeIdentifier } from "pg";
import { platformSql } from "./platforms";
import { NoServerError, type ThrowawayServer, withDatabase } from "./throwaway-server";

const DUPLICATE_OBJECT = "42710";
const DEPENDENT_OBJECTS = "2BP01";

/**
 * Runs `work` in a database of its own, owned by the role of migrations, with nothing in it but what the
 * contract's platform brings, and drops it. The connection is the superuser's; roles of the contract
 * that the server lacks are made, and dropped afterwards.
 * @throws NoServerError POL004 when the server cannot be reached, or is not fit.
 */
export function withThrowawayDatabase<Result>(
  server: ThrowawayServer,
  contract: Contract,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const name = `throwaway_${randomBytes(6).toString("hex")}`;
  return withDatabase(server, "postgres", async (administrator) => {
    const made = await makeRoles(administrator, server, contract);
    try {
      const owner = escapeIdentifier(contract.migrationRole);
      await administrator.query(`create database ${name} owner ${owner}`);
      await administrator.query(
        `revoke all on database ${name} from public;
         grant connect on database ${name} to ${escapeIdentifier(contract.loginRole)}`,
      );
      if (contract.searchPath.length > 0) {
        const searchPath = contract.searchPath.map(escapeIdentifier).join(", ");
        await administrator.query(`alter database ${name} set search_path = ${searchPath}`);
      }
      return await withDatabase(server, name, async (client) => {
        await client.query(platformSql(contract));
        return work(client);
      });
    } finally {
      await administrator.query(`drop database if exists ${name} with (force)`);
      await dropRoles(administrator, contract, made);
    }
  });
}

/** Makes the roles of the contract. @returns the names of those that were not there. */
async function makeRoles(
  administrator: Client,
  { user, host, port }: ThrowawayServer,
  contract: Contract,
): Promise<string[]> {
  const { migrationRole, loginRole, platform, platformRoles } = contract;
  const otherRoles = platform === null ? [] : platformRoles;
  const requestRoles = requestRolesOf(contract);
  const { rows } = await administrator.query<{ name: string; superuser: boolean }>(
    `select rolname as name, rolsuper as superuser from pg_roles
      where rolname = any ($1) or rolname = current_user`,
    [[migrationRole, loginRole, ...requestRoles, ...otherRoles]],
  );
  if (!rows.some(({ name, superuser }) => superuser && name === user)) {
    throw new NoServerError(`${user} is not a superuser of ${host}:${port}.`);
  }
  const there = new Map(rows.map(({ name, superuser }) => [name, superuser]));
  if (there.get(migrationRole)) {
    throw new NoServerError(
      `${migrationRole} is a superuser of ${host}:${port}, whom nothing is refused.`,
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
  for (const role of [...requestRoles, ...otherRoles]) await make(role, "nologin");
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

/** The SQLSTATE of an error of PostgreSQL. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}
