import { randomBytes } from "node:crypto";
import { type Contract, requestRolesOf } from "@app-data/rules";
import { type Client, DatabaseError, escapeIdentifier } from "pg";
import { platformSql } from "./platforms";
import { NoServerError, type ThrowawayServer, connect, withDatabase } from "./throwaway-server";

const DEPENDENT_OBJECTS = "2BP01";
/** Roles belong to the whole server: these say who may make and drop them, and who uses them. */
const MAKING = 7_220_014;
const USING = 7_220_015;
/** The comment on roles that were made here. */
const MARK = "made for a throw-away database of app-data";

/**
 * Runs `work` in a database of its own, owned by the role of migrations, with nothing in it but what the
 * contract's platform brings, and drops it. Roles of the contract that the server lacks are made, and
 * dropped afterwards.
 * @param work is given a connection of the superuser, and one of the role of migrations.
 * @throws NoServerError POL004 when the server cannot be reached, or is not fit.
 */
export function withThrowawayDatabase<Result>(
  server: ThrowawayServer,
  contract: Contract,
  work: (client: Client, migrator: Client) => Promise<Result>,
): Promise<Result> {
  const name = `throwaway_${randomBytes(6).toString("hex")}`;
  return withDatabase(server, "postgres", async (administrator) => {
    await makeRoles(administrator, server, contract);
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
        const migrator = await logIn(administrator, server, contract.migrationRole, name);
        try {
          return await work(client, migrator);
        } finally {
          await migrator.end();
        }
      });
    } finally {
      await administrator.query(`drop database if exists ${name} with (force)`);
      await dropRoles(administrator);
    }
  });
}

/** Makes the roles of the contract that are not there. */
async function makeRoles(
  administrator: Client,
  { user, host, port }: ThrowawayServer,
  contract: Contract,
): Promise<void> {
  const { migrationRole, loginRole, monitoringRoles, platform, platformRoles } = contract;
  const otherRoles = [...monitoringRoles, ...(platform === null ? [] : platformRoles)];
  const requestRoles = requestRolesOf(contract);
  await administrator.query(`select pg_advisory_lock(${MAKING})`);
  const { rows } = await administrator.query<{ name: string; superuser: boolean }>(
    "select rolname as name, rolsuper as superuser from pg_roles",
  );
  const there = new Map(rows.map(({ name, superuser }) => [name, superuser]));
  if (!there.get(user)) throw new NoServerError(`${user} is not a superuser of ${host}:${port}.`);
  if (there.get(migrationRole)) {
    throw new NoServerError(
      `${migrationRole} is a superuser of ${host}:${port}, whom nothing is refused.`,
    );
  }
  const make = async (role: string, options: string) => {
    if (there.has(role)) return;
    const name = escapeIdentifier(role);
    await administrator.query(
      `create role ${name} ${options} nosuperuser nobypassrls;
       comment on role ${name} is '${MARK}'`,
    );
  };
  await make(migrationRole, "login");
  for (const role of [...requestRoles, ...otherRoles]) await make(role, "nologin");
  await make(loginRole, "login noinherit");
  if (!there.has(loginRole)) {
    await administrator.query(
      `grant ${requestRoles.map(escapeIdentifier).join(", ")} to ${escapeIdentifier(loginRole)}
         with inherit false, set true`,
    );
  }
  await administrator.query(
    `select pg_advisory_lock_shared(${USING}); select pg_advisory_unlock(${MAKING})`,
  );
}

/**
 * Connects as a role, by a password that holds until it has connected: from a session that logged in as the
 * superuser a migration could become it again.
 */
async function logIn(
  administrator: Client,
  server: ThrowawayServer,
  user: string,
  database: string,
): Promise<Client> {
  const role = escapeIdentifier(user);
  const password = randomBytes(24).toString("hex");
  await administrator.query(`select pg_advisory_lock(${MAKING})`);
  try {
    const { rows } = await administrator.query<{ former: string }>(
      "select coalesce(quote_literal(rolpassword), 'null') as former from pg_authid where rolname = $1",
      [user],
    );
    await administrator.query(`alter role ${role} password '${password}'`);
    try {
      return await connect({ ...server, user, password }, database);
    } finally {
      await administrator.query(`alter role ${role} password ${rows[0]?.former ?? "null"}`);
    }
  } finally {
    await administrator.query(`select pg_advisory_unlock(${MAKING})`);
  }
}

/** Whoever is the last to use them drops the roles that were made here, and those that migrations made. */
async function dropRoles(administrator: Client): Promise<void> {
  await administrator.query(
    `select pg_advisory_lock(${MAKING}); select pg_advisory_unlock_shared(${USING})`,
  );
  const { rows } = await administrator.query<{ name: string }>(
    `with made as (
       select oid, rolname from pg_roles where shobj_description(oid, 'pg_authid') = '${MARK}')
     select distinct r.rolname as name from pg_roles r
       left join pg_auth_members m on m.roleid = r.oid and m.admin_option
      where pg_try_advisory_lock(${USING})
        and (r.oid in (select oid from made) or m.member in (select oid from made))`,
  );
  for (const { name } of rows) {
    await administrator.query(`drop role ${escapeIdentifier(name)}`).catch((error: unknown) => {
      // Somebody has given it something in another database.
      if (sqlStateOf(error) !== DEPENDENT_OBJECTS) throw error;
    });
  }
}

/** The SQLSTATE of an error of PostgreSQL. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}
