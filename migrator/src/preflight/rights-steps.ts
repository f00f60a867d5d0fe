import type { ClientBase } from "pg";
import type { Finding } from "./finding";

/** What the server says of itself, of the role and of the database. */
export interface Standing {
  role: string;
  superuser: boolean;
  bypassesRowSecurity: boolean;
  version: string;
  versionNumber: number;
  replica: boolean;
  readOnly: boolean;
  rowSecurity: string;
  database: string;
  owner: string;
  mayCreate: boolean;
  connectionLimit: number;
  connections: number;
}

const OLDEST_VERSION = 170_000;
const STATEMENT_TIMEOUT_MS = 3_000;

// The one at work, the one that holds the lock, and one for a person who wants to look.
const CONNECTIONS_NEEDED = 3;

/** Reads what the rights are judged by; needs no right beyond CONNECT. */
export async function readStanding(client: ClientBase): Promise<Standing> {
  await client.query(`set statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
  const { rows } = await client.query<Standing>(
    `select r.rolname as role, r.rolsuper as superuser, r.rolbypassrls as "bypassesRowSecurity",
            current_setting('server_version') as version,
            current_setting('server_version_num')::integer as "versionNumber",
            pg_catalog.pg_is_in_recovery() as replica,
            current_setting('default_transaction_read_only')::boolean as "readOnly",
            current_setting('row_security') as "rowSecurity",
            d.datname as database, pg_catalog.pg_get_userbyid(d.datdba) as owner,
            pg_catalog.has_database_privilege(d.oid, 'create') as "mayCreate",
            current_setting('max_connections')::integer
              - current_setting('superuser_reserved_connections')::integer
              - current_setting('reserved_connections', true)::integer as "connectionLimit",
            (select sum(s.numbackends)::integer from pg_catalog.pg_stat_database s) as connections
       from pg_catalog.pg_roles r, pg_catalog.pg_database d
      where r.rolname = current_user and d.datname = current_database()`,
  );
  const [standing] = rows;
  if (!standing) throw new Error("The catalog has no row for the role and the database in use.");
  return standing;
}

/** What the migrator needs, by the name of the step. */
export const RIGHTS: Record<string, (standing: Standing) => Finding> = {
  version: ({ version, versionNumber }) => ({
    detail: `PostgreSQL ${version}`,
    ...unless(versionNumber >= OLDEST_VERSION, "Upgrade the instance to PostgreSQL 17 or newer."),
  }),
  primary: ({ replica, readOnly }) => ({
    detail: replica
      ? "a replica"
      : readOnly
        ? "a primary that only reads"
        : "a primary that writes",
    ...unless(!replica, "Connect to the primary: a replica takes no writes."),
    ...unless(
      replica || !readOnly,
      "default_transaction_read_only is on for this role or database: alter role or database … reset it.",
    ),
  }),
  role: ({ role, superuser, bypassesRowSecurity }) => {
    const attributes = [superuser && "superuser", bypassesRowSecurity && "bypassrls"];
    const held = attributes.filter((each) => each !== false);
    return {
      detail: `${role} is ${held.join(" and ") || "neither superuser nor bypassrls"}`,
      ...unless(
        held.length === 0,
        "Row level security does not bind such a role, so nothing it checks is proof: " +
          `alter role ${role} nosuperuser nobypassrls, or connect as migrator.`,
      ),
    };
  },
  database: ({ role, database, owner, mayCreate }) => ({
    detail: `${database} belongs to ${owner}${mayCreate ? "" : `, where ${role} may not create`}`,
    ...unless(
      owner === role && mayCreate,
      `Whoever creates a table owns it: alter database ${database} owner to ${role}, or connect as ${owner}.`,
    ),
  }),
  "row security": ({ role, rowSecurity }) => ({
    detail: `row_security is ${rowSecurity}`,
    ...unless(
      rowSecurity === "on",
      `With it, reads of protected tables fail: alter role ${role} reset row_security.`,
    ),
  }),
  connections: ({ connections, connectionLimit }) => ({
    detail: `${connections} of ${connectionLimit} are in use`,
    ...unless(
      connectionLimit - connections >= CONNECTIONS_NEEDED,
      `${CONNECTIONS_NEEDED} must be free: end idle ones (pg_stat_activity), or raise max_connections.`,
    ),
  }),
};

function unless(ok: boolean, remedy: string): { remedy?: string } {
  return ok ? {} : { remedy };
}
