import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/server-error";
import type { Retype } from "../sql/effects/effect";

/** What the catalog knows of a relation. */
export interface RelationFacts {
  oid: number;
  /** Its own oid, and those of its partitions and children, which are locked with it. */
  members: number[];
  /**
   * The server's estimate, partitions included: of its counters, or where these know nothing of the last
   * `analyze` or `vacuum`; null when there was none.
   */
  rows: number | null;
  /**
   * With indexes and TOAST, partitions included; as of the last `vacuum` where somebody holds or awaits
   * ACCESS EXCLUSIVE.
   */
  bytes: number;
}

// pg_total_relation_size() takes a lock for a moment. Where somebody holds or awaits ACCESS EXCLUSIVE
// it would wait, so that it is asked only about tables where nobody does; should somebody come between,
// the wait ends after this time. Nobody queues behind it: it is a reader's lock.
const LOCK_TIMEOUT_MS = 50;
const LOCK_NOT_AVAILABLE = "55P03";

const FACTS_QUERY = ({ total, own }: { total: string; own: string }) => `
with recursive wanted as (
  select name, pg_catalog.parse_ident(name) as parts
    from pg_catalog.unnest($1::text[]) as name
), members (name, root, oid) as (
  select w.name, c.oid, c.oid
    from wanted w
    join pg_catalog.pg_namespace n on n.nspname = w.parts[1]
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.parts[2]
   where pg_catalog.cardinality(w.parts) = 2
  union
  select m.name, m.root, i.inhrelid
    from members m join pg_catalog.pg_inherits i on i.inhparent = m.oid
), locked as (
  select distinct l.relation as oid
    from pg_catalog.pg_locks l
   where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
     and l.pid is distinct from pg_catalog.pg_backend_pid()
     and l.database = (select oid from pg_catalog.pg_database
                        where datname = pg_catalog.current_database())
), parts as (
  select m.oid as owner, p.oid, p.relpages
    from (select distinct oid from members) m
    join pg_catalog.pg_class c on c.oid = m.oid
    join pg_catalog.pg_class p on p.oid in (c.oid, c.reltoastrelid)
      or p.oid in (select x.indexrelid from pg_catalog.pg_index x
                    where x.indrelid in (c.oid, c.reltoastrelid))
), sizes as (
  select p.owner as oid,
         pg_catalog.sum(p.relpages::bigint)
           * pg_catalog.current_setting('block_size')::bigint as estimate,
         pg_catalog.bool_or(exists (select from locked l where l.oid = p.oid)) as is_locked,
         pg_catalog.pg_stat_get_tuples_inserted(p.owner) > 0
           or pg_catalog.pg_stat_get_live_tuples(p.owner) > 0 as is_counted
    from parts p group by p.owner
)
select m.name, m.root::bigint::float8 as oid,
       pg_catalog.array_agg(m.oid::bigint::float8 order by m.oid) as members,
       (pg_catalog.sum(case when ${own} = 0 then 0
                            when s.is_counted then pg_catalog.pg_stat_get_live_tuples(c.oid)
                            else nullif(c.reltuples, -1) end)
         filter (where c.relkind <> 'p'))::float8 as rows,
       pg_catalog.sum(${total})::float8 as bytes
  from members m
  join pg_catalog.pg_class c on c.oid = m.oid
  join sizes s on s.oid = m.oid
 group by m.name, m.root`;

const MEASURED = {
  total: "case when s.is_locked then s.estimate else pg_catalog.pg_total_relation_size(m.oid) end",
  own: "case when not s.is_locked then pg_catalog.pg_relation_size(m.oid) end",
};
const ESTIMATED = { total: "s.estimate", own: "null::bigint" };

/**
 * Reads what the catalog knows of relations, by name; what does not exist, or is not qualified, is not
 * in the answer. Needs no right on them, and waits for nobody.
 */
export async function readRelationFacts(
  client: ClientBase,
  names: readonly string[],
): Promise<Map<string, RelationFacts>> {
  const measured = await unlessLocked(client, () => queryFacts(client, names, MEASURED));
  return measured ?? queryFacts(client, names, ESTIMATED);
}

/**
 * Runs `read`, which may meet a lock, in the transaction that the connection is in.
 * @returns undefined when somebody held a lock against it for longer than a moment.
 */
export async function unlessLocked<T>(
  client: ClientBase,
  read: () => Promise<T>,
): Promise<T | undefined> {
  await client.query(`savepoint read; set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  try {
    const result = await read();
    await client.query("release savepoint read");
    return result;
  } catch (error) {
    if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    await client.query("rollback to savepoint read");
    return undefined;
  }
}

async function queryFacts(client: ClientBase, names: readonly string[], measured: typeof MEASURED) {
  const { rows } = await client.query<RelationFacts & { name: string }>(FACTS_QUERY(measured), [
    names,
  ]);
  return new Map(rows.map(({ name, ...facts }) => [name, facts]));
}

/** The types that columns have now, by `table column`; what does not exist is left out. */
export async function readColumnTypes(
  client: ClientBase,
  retypes: readonly Retype[],
): Promise<Map<string, { type: string; modifier: number }>> {
  const { rows } = await client.query<{ key: string; type: string; modifier: number }>(
    `select w.relation || ' ' || w."column" as key, t.typname as type, a.atttypmod as modifier
       from pg_catalog.jsonb_to_recordset($1::jsonb) as w (relation text, "column" text)
      cross join lateral pg_catalog.parse_ident(w.relation) as parts
       join pg_catalog.pg_namespace n on n.nspname = parts[1]
       join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = parts[2]
       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = w."column"
       join pg_catalog.pg_type t on t.oid = a.atttypid`,
    [JSON.stringify(retypes)],
  );
  return new Map(rows.map(({ key, ...type }) => [key, type]));
}
