import type { ClientBase } from "pg";

/**
 * Everything that migrations may make in a database, as sorted lines of text without any OID: two
 * databases with equal dumps have the same schema, rights and comments.
 */
export async function dumpCatalog(client: ClientBase): Promise<string[]> {
  await client.query("begin");
  try {
    // An expression is printed with the schema of each name only while that is not on the path.
    await client.query("set local search_path = ''");
    const { rows } = await client.query<{ line: string }>(CATALOG);
    return rows.map(({ line }) => line).sort();
  } finally {
    await client.query("rollback");
  }
}

const CATALOG = `
  with schemas as (
    select oid, nspname, nspowner, nspacl from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
  ),
  relations as (
    select c.*, c.oid::regclass::text as name from pg_class c join schemas s on s.oid = c.relnamespace
  ),
  sorted_acls as (
    select 'schema ' || nspname as object, unnest(nspacl)::text as item from schemas
    union all select 'relation ' || name, unnest(relacl)::text from relations
    union all select format('column %s.%s', r.name, a.attname), unnest(a.attacl)::text
      from relations r join pg_attribute a on a.attrelid = r.oid
    union all select 'function ' || p.oid::regprocedure, unnest(p.proacl)::text
      from pg_proc p join schemas s on s.oid = p.pronamespace
    union all select format('default %s %s', defaclrole::regrole, defaclobjtype),
      unnest(defaclacl)::text from pg_default_acl
  )
  select format('schema %s owner %s', nspname, nspowner::regrole) as line from schemas
  union all select format('acl %s: %s', object, item) from sorted_acls
  union all select format('relation %s kind %s owner %s rls %s force %s options %s persistence %s',
      name, relkind, relowner::regrole, relrowsecurity, relforcerowsecurity, reloptions,
      relpersistence)
    from relations
  union all select format('column %s %s %s not null %s default %s generated %s collation %s',
      r.name, row_number() over (partition by r.oid order by a.attnum) || ' ' || a.attname,
      format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
      a.attgenerated, a.attcollation::regcollation)
    from relations r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    where r.relkind = 'r'
  union all select format('constraint %s %s %s valid %s', r.name, k.conname,
      pg_get_constraintdef(k.oid), k.convalidated)
    from relations r join pg_constraint k on k.conrelid = r.oid
  union all select format('index %s valid %s', pg_get_indexdef(i.indexrelid), i.indisvalid)
    from relations r join pg_index i on i.indrelid = r.oid
  union all select format('trigger %s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
    from relations r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
  union all select format('policy %s %s %s %s to %s using %s check %s', r.name, p.polname,
      p.polpermissive, p.polcmd,
      (select array_agg(m::regrole::text order by 1) from unnest(p.polroles) m),
      pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    from relations r join pg_policy p on p.polrelid = r.oid
  union all select format('function %s owner %s', pg_get_functiondef(p.oid), p.proowner::regrole)
    from pg_proc p join schemas s on s.oid = p.pronamespace
  union all select format('comment %s: %s', (pg_identify_object(d.classoid, d.objoid,
      d.objsubid)).identity, d.description)
    from pg_description d
    where d.classoid in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass)
      and (pg_identify_object(d.classoid, d.objoid, d.objsubid)).schema
        is distinct from 'pg_catalog'
      and (pg_identify_object(d.classoid, d.objoid, d.objsubid)).identity
        !~ '^(pg_|information_schema)'`;
