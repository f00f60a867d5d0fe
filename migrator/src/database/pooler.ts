import type { Client } from "pg";
import { CODES, MigratorError } from "../errors";
import { describeAddress } from "./address";
import type { ConnectionSettings } from "./settings";

/** Whose session of the server a connection has. */
export type SessionKind = "own" | "lent for the connection" | "lent for a transaction";

/**
 * Whether a connection has a session of the server to itself. A pooler answers the login itself, with a number
 * of its own in place of the session's; one that lends a session for a transaction gives it to the next who
 * asks.
 * @param openAnother makes a second connection by the same way, which is closed again.
 */
export async function sessionKind(
  client: Client,
  openAnother: () => Promise<Client>,
): Promise<SessionKind> {
  const session = await sessionOf(client);
  if ("processID" in client && client.processID === session) return "own";
  const another = await openAnother();
  try {
    await another.query("begin");
    const isShared =
      (await sessionOf(another)) === session || (await sessionOf(client)) !== session;
    return isShared ? "lent for a transaction" : "lent for the connection";
  } finally {
    await another.end();
  }
}

async function sessionOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>("select pg_catalog.pg_backend_pid() as pid");
  return rows[0]?.pid;
}

/** What to do about a pooler in transaction mode. */
export const WITHOUT_POOLER =
  "Connect to the server itself, or to a pool in session mode (with Supabase: port 5432 in place of 6543).";

/** The error of a connection by a pooler in transaction mode. */
export function lentForTransaction(settings: ConnectionSettings): MigratorError {
  return new MigratorError(
    CODES.transactionPooler,
    `Between here and database ${settings.database} at ${describeAddress(settings)} is a pooler that lends a ` +
      "session of the server for one transaction at a time (PgBouncer and Supavisor in transaction mode). The " +
      "lock that keeps other migrators out belongs to a session: it would stay with whoever is lent that one " +
      `next. ${WITHOUT_POOLER}`,
  );
}
