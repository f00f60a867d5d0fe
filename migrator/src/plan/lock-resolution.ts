import { addReading } from "../catalog";
import { type Script, literal } from "../database/script";
import type { Lock, Through } from "../sql/effects/effect";
import { sqlName } from "../sql/names";

/**
 * Replaces each lock that is taken through the catalog by those on the relations themselves. One whose
 * relation is not in the catalog yet stays as it is. Runs the script.
 * @returns for each lock those that stand for it.
 */
export async function resolveLocks(script: Script, locks: readonly Lock[]): Promise<Lock[][]> {
  const indirect = locks.flatMap(({ relation, through }, place) =>
    through ? [{ place, relation, ...through }] : [],
  );
  if (indirect.length === 0) return locks.map((lock) => [lock]);
  const values = [literal(JSON.stringify(indirect))];
  const found = addReading(script, () =>
    script.addPrepared<{ place: number; schema: string | null; name: string }>(
      "locks_through",
      THROUGH_QUERY,
      values,
    ),
  );
  await script.run();
  return locks.map((lock, place) => {
    const relations = found.rows.filter((row) => row.place === place);
    if (!lock.through || relations.length === 0) return [lock];
    const { mode, waitsAs } = lock;
    return relations.flatMap(({ schema, name }) =>
      schema === null
        ? []
        : [{ relation: sqlName([schema, name]), mode, ...(waitsAs && { waitsAs }) }],
    );
  });
}

const what = (value: Through["what"]) => `w.what = '${value}'`;

const THROUGH_QUERY = `
with wanted as (
  select w.place, w.what, w."constraint" as constraint_name, w."column" as column_name,
         n.oid as schema, pg_catalog.cardinality(parts) as parts,
         c.oid as relation, t.oid as type, x.oid as statistics
    from pg_catalog.jsonb_to_recordset($1::jsonb)
           as w (place integer, relation text, what text, "constraint" text, "column" text)
   cross join lateral pg_catalog.parse_ident(w.relation) as parts
    join pg_catalog.pg_namespace n on n.nspname = parts[1]
    left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = parts[2]
    left join pg_catalog.pg_type t on t.typnamespace = n.oid and t.typname = parts[2]
    left join pg_catalog.pg_statistic_ext x on x.stxnamespace = n.oid and x.stxname = parts[2]
)
select w.place, o.nspname as schema, o.relname as name
  from wanted w
  left join lateral (
    select n.nspname, c.relname
      from (
        select i.indrelid from pg_catalog.pg_index i
         where ${what("table of the index")} and i.indexrelid = w.relation
        union
        select k.confrelid from pg_catalog.pg_constraint k
         where ${what("referenced tables")} and k.contype = 'f' and k.conrelid = w.relation
           and (w.constraint_name is null or k.conname = w.constraint_name)
           and (w.column_name is null
                or exists (select from pg_catalog.pg_attribute a
                            where a.attrelid = w.relation and a.attname = w.column_name
                              and a.attnum = any (k.conkey)))
        union
        -- What refers to a table is found by an index on pg_depend alone.
        select k.conrelid from pg_catalog.pg_depend d
          join pg_catalog.pg_constraint k on k.oid = d.objid
         where ${what("referencing tables")} and d.refobjid = w.relation
           and d.refclassid = 'pg_catalog.pg_class'::regclass
           and d.classid = 'pg_catalog.pg_constraint'::regclass
           and k.contype = 'f' and k.confrelid = w.relation
           and (w.column_name is null
                or exists (select from pg_catalog.pg_attribute a
                            where a.attrelid = w.relation and a.attname = w.column_name
                              and a.attnum = any (k.confkey)))
        union
        select x.stxrelid from pg_catalog.pg_statistic_ext x
         where ${what("table of the statistics")} and x.oid = w.statistics
        union
        select i.inhparent from pg_catalog.pg_inherits i
          join pg_catalog.pg_class p on p.oid = i.inhparent and p.relkind = 'p'
         where ${what("partitioned table")} and i.inhrelid = w.relation
        union
        select p.partdefid from pg_catalog.pg_partitioned_table p
         where ${what("default partition")} and p.partrelid = w.relation
        union
        select d.refobjid from pg_catalog.pg_rewrite r
          join pg_catalog.pg_depend d
            on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
           and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> r.ev_class
         where ${what("tables of the query")} and r.ev_class = w.relation
        union
        select a.attrelid from pg_catalog.pg_attribute a
         where ${what("tables of the type")} and a.atttypid = w.type and not a.attisdropped
        union
        -- Partitions are locked with their table.
        select c.oid from pg_catalog.pg_class c
         where ${what("every table")} and c.relnamespace = w.schema
           and c.relkind in ('r', 'p', 'f') and not c.relispartition
      ) as other (oid)
      join pg_catalog.pg_class c on c.oid = other.oid and c.relkind not in ('i', 'I')
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  ) o on true
 where w.relation is not null or w.type is not null or w.statistics is not null
    or ${what("every table")} and w.parts = 1
 order by w.place, o.nspname, o.relname`;
