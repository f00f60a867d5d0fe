import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../errors";
import { logExists } from "./log";

/** An entry of the log, and what tells it from an entry of the same number in another past. */
export interface LogPosition {
  id: number;
  /** SHA-256, hexadecimal, of what the entry says and of the microsecond in which it was written. */
  digest: string;
}

const POSITION = `select id::float8 as id, pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
    pg_catalog.concat_ws(E'\\n', id, extract(epoch from recorded_at), event, version, name,
      digests, catalog_digest), 'UTF8')), 'hex') as digest
  from migrations.log`;

/** The newest entry of the log, null without one; in the transaction that the connection is in. */
export async function readLogPosition(client: ClientBase): Promise<LogPosition | null> {
  if (!(await logExists(client))) return null;
  const { rows } = await client.query<LogPosition>(`${POSITION} order by id desc limit 1`);
  return rows[0] ?? null;
}

/**
 * Refuses a database whose log does not hold an entry that the state has seen: it was restored, and may
 * have gone on from there.
 * @param known undefined or null when the state has seen none.
 * @throws MigratorError MIG013 that tells which entry.
 */
export async function refuseOtherPast(
  client: ClientBase,
  known: LogPosition | null | undefined,
): Promise<void> {
  if (!known?.digest) return;
  const newest = (await readLogPosition(client))?.id ?? 0;
  if (newest < known.id) {
    throw otherPast(
      `This database is older than the state: its migration log ends at entry ${newest}, the state has ` +
        `seen entry ${known.id}. It was restored from a snapshot.`,
    );
  }
  const { rows } = await client.query<LogPosition>(`${POSITION} where id = $1`, [known.id]);
  if (rows[0]?.digest === known.digest) return;
  throw otherPast(
    `This database has another past than the state: entry ${known.id} of its migration log ` +
      `${rows[0] ? "is not the one" : "is gone, the one"} that the state has seen. It was restored from ` +
      "a snapshot, and went on from there.",
  );
}

/** The error of a database that the state does not know, with the ways out. */
export function otherPast(what: string): MigratorError {
  return new MigratorError(
    CODES.otherDatabase,
    `${what} If it is meant to be this one, take over what is there with \`pulumi refresh\`; the next up ` +
      "then applies what it lacks. If not, correct the address (database.tunnel).",
  );
}
