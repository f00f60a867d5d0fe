// Any constants serve, so long as every version of the migrator uses the same ones.
/** Key of the lock that the connection that waits holds: while it does, no other migrator is at work. */
export const LOCK_KEY = "4815162342";
/**
 * Key of the lock that the connection that works holds. A client that is killed frees its first lock at
 * once, while the server may still be busy with its last statement.
 */
export const WORK_KEY = "4815162343";

/** A condition on a row of pg_locks: it is an advisory lock of this database that somebody holds. */
export function isHeld(row: string, key: string): string {
  return `${row}.locktype = 'advisory' and ${row}.granted and ${row}.objsubid = 1
  and ${row}.database = (select oid from pg_catalog.pg_database where datname = current_database())
  and (${row}.classid::bigint << 32 | ${row}.objid::bigint) = ${key}::bigint`;
}

/** A condition on a row of pg_locks: its session is the one that keeps other migrators out. */
export function holdsMigrationLock(row: string): string {
  return isHeld(row, LOCK_KEY);
}
