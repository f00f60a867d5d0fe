import type { ClientBase } from "pg";
import { type Catalog, addReading, readCatalog } from "../catalog";
import { Script } from "../database/script";

/** What SQL that makes a schema is written from. */
export interface SchemaReading {
  catalog: Catalog;
  /** The statement that makes each function, by the function's key. */
  functions: ReadonlyMap<string, string>;
  /** Objects that come with another: a partition, what it inherits from, a range type, an extension. */
  implied: ReadonlySet<string>;
  /** Keys of what an object needs to be there before it. */
  needs: ReadonlyMap<string, readonly string[]>;
  /** What the catalog reading leaves out: operators, casts, text search and the like. */
  unread: readonly string[];
  /** Names as SQL writes them, by the bare name. */
  quoted: ReadonlyMap<string, string>;
}

const OBJECTS = `
with relations as (
  select c.*, format('%I.%I', n.nspname, c.relname) as qualified,
         case c.relkind when 'v' then 'view ' when 'm' then 'materialized view ' when 'S' then 'sequence '
           else 'table ' end || format('%I.%I', n.nspname, c.relname) as key
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and n.nspname !~ '^pg_'
     and n.nspname <> 'information_schema'
), types as (
  select t.oid, t.typarray, t.typrelid, format('type %I.%I', n.nspname, t.typname) as key
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid
   where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
), functions as (
  select p.oid, p.prokind, 'function ' || p.oid::regprocedure as key
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
)`;

const FUNCTIONS = `${OBJECTS}
select key, pg_get_functiondef(oid) as definition from functions where prokind <> 'a'`;

const IMPLIED = `${OBJECTS}
select format('constraint %s.%I', r.qualified, k.conname) as key
  from relations r join pg_constraint k on k.conrelid = r.oid
 where k.conparentid <> 0 or not k.conislocal and r.relispartition
union all
select format('index %I.%I', n.nspname, x.relname)
  from pg_inherits i join pg_class x on x.oid = i.inhrelid and x.relkind in ('i', 'I')
  join pg_namespace n on n.oid = x.relnamespace
union all
select format('trigger %s.%I', r.qualified, t.tgname)
  from relations r join pg_trigger t on t.tgrelid = r.oid where t.tgparentid <> 0
union all
-- What an identity column or a range type brings, and what an extension does.
select key from relations r join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = r.oid
 where d.deptype = 'e' or r.relkind = 'S' and d.deptype = 'i'
union all
select key from functions f join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = f.oid
 where d.deptype in ('e', 'i')
union all
select key from types t join pg_depend d on d.classid = 'pg_type'::regclass and d.objid = t.oid
 where d.deptype = 'e'`;

const NEEDS = `${OBJECTS}, nodes (classid, objid, key) as (
  select 'pg_class'::regclass, oid, key from relations
  union all select 'pg_type'::regclass, t.oid, r.key from relations r
    join pg_type e on e.typrelid = r.oid join pg_type t on t.oid in (e.oid, e.typarray)
  union all select 'pg_type'::regclass, unnest(array[oid, typarray]), key from types
  union all select 'pg_class'::regclass, typrelid, key from types where typrelid <> 0
  union all select 'pg_proc'::regclass, oid, key from functions
  union all select 'pg_attrdef'::regclass, d.oid, r.key from pg_attrdef d join relations r on r.oid = d.adrelid
  union all select 'pg_constraint'::regclass, k.oid, coalesce(r.key, t.key) from pg_constraint k
    left join relations r on r.oid = k.conrelid left join types t on t.oid = k.contypid
   where k.contype <> 'f'
  union all select 'pg_rewrite'::regclass, w.oid, r.key from pg_rewrite w join relations r on r.oid = w.ev_class
)
select a.key, array_agg(distinct b.key order by b.key) as needs
  from (select classid, objid, refclassid, refobjid from pg_depend where deptype = 'n'
        union all select 'pg_class'::regclass, inhrelid, 'pg_class'::regclass, inhparent from pg_inherits) d
  join nodes a on a.classid = d.classid and a.objid = d.objid
  join nodes b on b.classid = d.refclassid and b.objid = d.refobjid
 where a.key <> b.key
 group by a.key`;

// Rows of PostgreSQL's own have lower numbers.
const UNREAD = [
  ...["pg_operator", "pg_opclass", "pg_opfamily", "pg_cast", "pg_collation", "pg_conversion"],
  ...[
    "pg_ts_config",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
    "pg_language",
    "pg_transform",
  ],
]
  .map(
    (catalog) => `
select pg_describe_object('${catalog}'::regclass, o.oid, 0) as what from ${catalog} o
 where o.oid >= 16384 and not exists (
   select from pg_depend d
    where d.classid = '${catalog}'::regclass and d.objid = o.oid and d.deptype in ('e', 'i'))`,
  )
  .join("\nunion all");

const QUOTED = `
select distinct name, quote_ident(name) as quoted
  from (select attname::text as name from pg_attribute where attnum > 0 and not attisdropped
        union select nspname from pg_namespace union select rolname from pg_roles
        union select conname from pg_constraint) names`;

/** Reads all that SQL for a schema is written from, in the transaction that the connection is in. */
export async function readSchema(client: ClientBase): Promise<SchemaReading> {
  const catalog = await readCatalog(client);
  const script = new Script(client);
  const answers = addReading(script, () => ({
    functions: script.add<{ key: string; definition: string }>(FUNCTIONS),
    implied: script.add<{ key: string }>(IMPLIED),
    needs: script.add<{ key: string; needs: string[] }>(NEEDS),
    unread: script.add<{ what: string }>(UNREAD),
    quoted: script.add<{ name: string; quoted: string }>(QUOTED),
  }));
  await script.run();
  return {
    catalog,
    functions: new Map(answers.functions.rows.map(({ key, definition }) => [key, definition])),
    implied: new Set(answers.implied.rows.map(({ key }) => key)),
    needs: new Map(answers.needs.rows.map(({ key, needs }) => [key, needs])),
    unread: answers.unread.rows.map(({ what }) => what).sort(),
    quoted: new Map(answers.quoted.rows.map(({ name, quoted }) => [name, quoted])),
  };
}
