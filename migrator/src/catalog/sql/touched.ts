import { holdsMigrationLock } from "../../lock-query";

// What a transaction has written to the catalog so far. PostgreSQL counts what a transaction writes to
// each table, system catalogs included; relations whose definition changed are locked until it ends,
// in a mode that plain reads and writes never take. Only GRANT takes no lock: where statements do not
// name what they grant on, rows are searched by their xmin, which takes longer the larger the catalog.
// The counts of earlier transactions may still be in those of this one, which makes a reading larger,
// never smaller; so each reading has them handed in when its transaction ends.

function written(catalog: string, ...kinds: ("inserted" | "updated" | "deleted")[]): string {
  const counts = kinds.map((kind) => `pg_stat_get_xact_tuples_${kind}('${catalog}'::regclass)`);
  return `(${counts.join(" + ")}) > 0`;
}

const all = ["inserted", "updated", "deleted"] as const;

// One call for all of them, since a query takes the longer to start the more calls are written in it.
const anyWritten = (catalogs: readonly string[]) => `exists (
  select from unnest('{${catalogs.join(",")}}'::regclass[]) r (oid)
   where ${all.map((kind) => `pg_stat_get_xact_tuples_${kind}(r.oid)`).join(" + ")} > 0)`;

// Written by this transaction or by one that began later.
const isNew = (row: string) => `age(${row}.xmin) <= age(me.xid)`;

// A foreign key locks the table that it refers to in a mode in which one can otherwise add triggers and
// constraints, and switch triggers on and off.
const hasNew = (catalog: string, table: string, condition = "true") =>
  `exists (select from ${catalog} r, me
            where r.${table} = l.relation and ${condition} and ${isNew("r")})`;

/**
 * A condition on triggers: no trigger of a foreign key. A table that is referred to has two a foreign key,
 * and the index on names leads past them. What somebody else calls so is found when all is read.
 */
export const noForeignKey = (trigger: string) =>
  `(${trigger}.tgname < 'RI_ConstraintTrigger_' or ${trigger}.tgname >= 'RI_ConstraintTriggera')
   and not ${trigger}.tgisinternal`;

const OTHER_CATALOGS = [
  "pg_proc",
  "pg_namespace",
  "pg_authid",
  "pg_auth_members",
  "pg_db_role_setting",
  "pg_database",
  "pg_default_acl",
  "pg_extension",
  "pg_publication",
  "pg_publication_rel",
  "pg_publication_namespace",
  "pg_event_trigger",
  "pg_foreign_server",
  "pg_enum",
];

const OTHER_OBJECTS = [
  "pg_proc",
  "pg_namespace",
  "pg_type",
  "pg_extension",
  "pg_publication",
  "pg_event_trigger",
  "pg_foreign_server",
].map((catalog) => `'${catalog}'::regclass`);

// A comment on a part of a table locks the part.
const PARTS = { pg_policy: "polrelid", pg_trigger: "tgrelid", pg_constraint: "conrelid" };

const tablesOfLockedParts = Object.entries(PARTS)
  .map(
    ([catalog, table]) => `select p.${table} from locks l join ${catalog} p on p.oid = l.objid
   where l.locktype = 'object' and l.classid = '${catalog}'::regclass`,
  )
  .join(" union ");

const HAS_OWN_CHANGE = `l.mode <> 'ShareRowExclusiveLock'
          or not exists (select from pg_class c where c.oid = l.relation and c.relkind in ('r', 'p'))
          or ${hasNew("pg_trigger", "tgrelid", noForeignKey("r"))}
          or ${hasNew("pg_constraint", "conrelid")}`;

const lockedRelations = (condition: string) => `
  select l.relation as oid from locks l
   where l.locktype = 'relation' and l.relation >= 16384 and (${condition})`;

const changed = `${lockedRelations(HAS_OWN_CHANGE)}
  union
  select to_regclass(name) from unnest($2::text[]) name where to_regclass(name) is not null
  union
  ${tablesOfLockedParts}`;

const FOUND = {
  changed,
  "changed or granted on": `${changed}
  union
  select c.oid from pg_class c, me
   where (select ${written("pg_class", "updated")}) and ${isNew("c")}
  union
  select a.attrelid from pg_attribute a, me
   where (select ${written("pg_attribute", "updated")}) and ${isNew("a")}`,
  gone: lockedRelations("not exists (select from pg_class c where c.oid = l.relation)"),
} as const;

/** Which relations to look for. */
export type Search = keyof typeof FOUND;

/**
 * Sets of a query: `touched_relations`, and `touched`, one row, with `has_written` null when the
 * transaction wrote nothing; what else is in it, `Touched` of `reading.ts` says. `$1`: process of the
 * session whose lock is asked for, `$2`: names of relations that something was granted on, unless those
 * that are gone are looked for.
 */
export const touchedSets = (search: Search) => `
me as materialized (select pg_current_xact_id_if_assigned()::xid as xid),
locks as materialized (
  select * from pg_locks l
   where l.pid = pg_backend_pid() and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock',
           'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      or l.pid = $1::integer and l.locktype = 'advisory'
),
oids as (${FOUND[search]}
),
touched_relations as materialized (
  select coalesce((select i.indrelid from pg_index i where i.indexrelid = o.oid), o.oid) as oid,
         c.relkind as kind,
         (select age(t.xmin) <= age((select xid from me)) from pg_type t where t.oid = c.reltype)
           as new_type
    from oids o left join pg_class c on c.oid = o.oid
),
touched as materialized (
  select me.xid is not null as has_written,
         exists (select from locks l where l.pid = $1::integer and ${holdsMigrationLock("l")})
           as locked,
         current_setting('track_counts')::boolean and not (${written("pg_statistic_ext", ...all)}
           or ${written("pg_enum", "updated")}) as counted,
         ${anyWritten(OTHER_CATALOGS)}
           or exists (select from locks where locktype = 'object'
                and classid in (${OTHER_OBJECTS.join(", ")})
                and (classid <> 'pg_type'::regclass or mode = 'ShareUpdateExclusiveLock'))
           -- A new relation makes two types, its row and the array of it; what is more is a type.
           or ${written("pg_type", "updated")}
           or pg_stat_get_xact_tuples_inserted('pg_type'::regclass) <>
              2 * (select count(*) from touched_relations where new_type)
           or exists (select from touched_relations where kind = 'c') as others,
         ${written("pg_type", "deleted")} as types_gone,
         ${written("pg_constraint", ...all)} as constraints, pg_stat_force_next_flush()
    from me
)`;
