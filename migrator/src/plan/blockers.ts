import type { ClientBase } from "pg";
import { type LockMode, conflict, lockModeOf } from "../sql/lock-mode";
import type { Blocker } from "./types";

/** A lock that a statement will ask for. */
export interface LockRequest {
  /** As SQL writes it. */
  relation: string;
  /** The relation and its partitions. */
  oids: readonly number[];
  mode: LockMode;
}

/** One lock of a session on a relation, or, without a lock, a session with a snapshot. */
export interface SessionLock extends Omit<Blocker, "locks"> {
  /** Its process, or the number of a prepared transaction. */
  session: string;
  oid: number | null;
  mode: string | null;
  granted: boolean | null;
}

// Of a session of another role, a role without pg_read_all_stats sees pid, name, role and locks only.
const SESSIONS_QUERY = `
select coalesce(l.pid::text, l.virtualtransaction) as session, l.pid,
       coalesce(nullif(a.application_name, ''), a.backend_type) as application,
       a.usename::text as role,
       case when l.pid is null then 'prepared transaction' else a.state end as state,
       pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start))::float8
         as "ageSeconds",
       l.relation::bigint::float8 as oid, l.mode, l.granted
  from pg_catalog.pg_locks l
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'relation' and l.relation = any ($1::oid[])
   and l.pid is distinct from pg_catalog.pg_backend_pid()
   and l.database = (select oid from pg_catalog.pg_database
                      where datname = pg_catalog.current_database())
union all
select a.pid::text, a.pid, coalesce(nullif(a.application_name, ''), a.backend_type),
       a.usename::text, a.state,
       pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start))::float8,
       null, null, null
  from pg_catalog.pg_stat_activity a
 where a.datname = pg_catalog.current_database()
   -- What may not be seen is null; a transaction of such a session is known by its lock on itself.
   and (a.backend_xmin is not null
        or a.backend_type is null
           and exists (select from pg_catalog.pg_locks v where v.locktype = 'virtualxid' and v.pid = a.pid))
   and a.pid <> pg_catalog.pg_backend_pid()`;

/** Reads which other sessions have locks on relations, and which have a snapshot. */
export async function readSessions(
  client: ClientBase,
  oids: readonly number[],
): Promise<SessionLock[]> {
  const { rows } = await client.query<SessionLock>(SESSIONS_QUERY, [oids]);
  return rows;
}

/**
 * The sessions that stand in the way of locks: they hold one that conflicts, or wait for one and are
 * served first; the oldest transaction first.
 * @param awaitsSnapshots whether transactions with a snapshot stand in the way, too, as they do for
 * `create index concurrently`.
 */
export function findBlockers(
  sessions: readonly SessionLock[],
  requests: readonly LockRequest[],
  awaitsSnapshots: boolean,
): Blocker[] {
  const blockers = new Map<string, Blocker>();
  for (const { session, oid, mode, granted, ...facts } of sessions) {
    const locks = oid === null ? [] : conflicting(requests, oid, mode, granted ?? false);
    if (oid === null ? !awaitsSnapshots : locks.length === 0) continue;
    const known = blockers.get(session);
    blockers.set(session, { ...facts, locks: [...(known?.locks ?? []), ...locks] });
  }
  return [...blockers.values()].sort((a, b) => (b.ageSeconds ?? 0) - (a.ageSeconds ?? 0));
}

function conflicting(
  requests: readonly LockRequest[],
  oid: number,
  name: string | null,
  granted: boolean,
): Blocker["locks"] {
  const mode = lockModeOf(name ?? undefined);
  if (!mode) return [];
  const met = requests.find(
    (request) => request.oids.includes(oid) && conflict(request.mode, mode),
  );
  return met ? [{ relation: met.relation, mode, granted }] : [];
}
