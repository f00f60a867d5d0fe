import type { ClientBase } from "pg";

/**
 * Which database this is, wherever it is reached and whatever it is called now. A physical copy, such as
 * a restored RDS snapshot, has the identity of its original; a dump that was loaded has not.
 */
export interface DatabaseIdentity {
  /**
   * Number that `initdb` gave the server's files, decimal, up to 20 digits; null where the role may not
   * call `pg_control_system()`, which PostgreSQL lets everyone.
   */
  systemIdentifier: string | null;
  /** Differs from that of every other database of the server, also of a dropped one. */
  databaseOid: number;
  /** Its name today. */
  name: string;
}

/**
 * Reads the identity of the database on an open connection, in the transaction that it is in. Writes
 * nothing, needs no right beyond CONNECT.
 */
export async function databaseIdentity(client: ClientBase): Promise<DatabaseIdentity> {
  // The right is asked for first, because a refusal would end the caller's transaction.
  const { rows } = await client.query<{ databaseOid: number; name: string; mayAsk: boolean }>(
    `select oid::bigint::float8 as "databaseOid", datname as name,
            pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute') as "mayAsk"
       from pg_catalog.pg_database where datname = pg_catalog.current_database()`,
  );
  const [row] = rows;
  if (!row) throw new Error("pg_database has no row for the database that is connected to.");
  const { databaseOid, name, mayAsk } = row;
  return { systemIdentifier: mayAsk ? await systemIdentifier(client) : null, databaseOid, name };
}

/** Whether two identities are of the same database; one without a system identifier goes by the rest. */
export function isSameDatabase(a: DatabaseIdentity, b: DatabaseIdentity): boolean {
  const serversDiffer =
    a.systemIdentifier !== null &&
    b.systemIdentifier !== null &&
    a.systemIdentifier !== b.systemIdentifier;
  return !serversDiffer && a.databaseOid === b.databaseOid;
}

async function systemIdentifier(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ identifier: string }>(
    "select system_identifier::text as identifier from pg_catalog.pg_control_system()",
  );
  return rows[0]?.identifier ?? null;
}
