/** One row: the catalog as JSON, of the shape `Catalog`; $1 is the login role, $2 the roles of the platform. */
export const CATALOG_SQL = `
with space as (
  select oid, nspname from pg_namespace
  where nspname !~ '^pg_' and nspname not in ('information_schema', 'app_data_trial')
), role as materialized (
  select oid, rolname, rolsuper or rolbypassrls as bypasses from pg_roles
  where rolname = $1 or (pg_has_role($1::name, oid, 'SET') and rolname <> all ($2::text[]))
), relation as materialized (
  select c.*, n.nspname, n.nspowner from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where (n.oid in (select oid from space) or n.nspname = 'app_data_trial' and c.relispartition)
    and c.relkind in ('r', 'p', 'f', 'v', 'm') and c.relpersistence <> 't'
    and not exists (select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
), att as not materialized (
  select attrelid, attnum, attname from pg_attribute where attnum > 0 and not attisdropped
), used as not materialized (
  select objid as policy, refclassid, refobjid, refobjsubid from pg_depend
  where classid = 'pg_policy'::regclass
), cols as not materialized (
  select a.attrelid, a.attnum, a.attname, a.attnotnull or t.typnotnull as not_null,
    format_type(a.atttypid, a.atttypmod) as type, t.typtype,
    coalesce(base.typname, t.typname) as base, coalesce(base.typtype, t.typtype) as kind,
    coalesce(base.oid, t.oid) as base_oid,
    case when coalesce(base.typcategory, t.typcategory) = 'A'
      then format_type(coalesce(base.typelem, t.typelem), null) end as element,
    a.atthasdef or a.attidentity <> '' or t.typdefault is not null as has_default,
    array[t.oid, t.typbasetype] as domains,
    case when a.attgenerated <> '' then 'stored' when a.attidentity = 'a' then 'always' else '' end
      as generated,
    case when a.attgenerated <> '' then (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d
      where d.adrelid = a.attrelid and d.adnum = a.attnum) end as expression
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  left join lateral (
    with recursive up as (
      select d.oid, d.typtype, d.typbasetype from pg_type d where d.oid = t.typbasetype
      union all
      select d.oid, d.typtype, d.typbasetype from up join pg_type d on d.oid = up.typbasetype
    ) select b.* from up join pg_type b on b.oid = up.oid where b.typtype <> 'd'
  ) base on t.typtype = 'd'
  where a.attnum > 0 and not a.attisdropped
), rights as materialized (
  select r.oid as relation, role.rolname,
    jsonb_build_object(
      'select', has_table_privilege(role.oid, r.oid, 'select'),
      'delete', has_table_privilege(role.oid, r.oid, 'delete'),
      'truncate', has_table_privilege(role.oid, r.oid, 'truncate'),
      'references', has_any_column_privilege(role.oid, r.oid, 'references'),
      'trigger', has_table_privilege(role.oid, r.oid, 'trigger'),
      'owns', pg_has_role(role.oid, r.relowner, 'usage'),
      'ownsSchema', pg_has_role(role.oid, r.nspowner, 'usage'),
      'selectColumns', coalesce((select jsonb_agg(c.attname order by c.attnum) from att c where c.attrelid = r.oid
        and has_column_privilege(role.oid, r.oid, c.attnum, 'select')), '[]'),
      'insertColumns', coalesce((select jsonb_agg(c.attname order by c.attnum) from att c where c.attrelid = r.oid
        and has_column_privilege(role.oid, r.oid, c.attnum, 'insert')), '[]'),
      'updateColumns', coalesce((select jsonb_agg(c.attname order by c.attnum) from att c where c.attrelid = r.oid
        and has_column_privilege(role.oid, r.oid, c.attnum, 'update')), '[]')
    ) as rights
  from relation r cross join role
  where has_schema_privilege(role.oid, r.relnamespace, 'usage')
    and (has_any_column_privilege(role.oid, r.oid, 'select, insert, update, references')
      or has_table_privilege(role.oid, r.oid, 'delete, truncate, trigger')
      or pg_has_role(role.oid, r.relowner, 'usage') or pg_has_role(role.oid, r.nspowner, 'usage'))
)
select jsonb_build_object(
  'relations', coalesce((select jsonb_agg(jsonb_build_object(
    'id', r.oid::bigint, 'schema', r.nspname, 'name', r.relname,
    'sql', format('%I.%I', r.nspname, r.relname), 'kind', r.relkind,
    'isPartition', r.relispartition,
    'definition', case when r.relkind in ('v', 'm') then pg_get_viewdef(r.oid) else (
      select string_agg(pg_get_ruledef(w.oid), e'\\n') from pg_rewrite w where w.ev_class = r.oid) end,
    'hasEffects', exists (select from pg_trigger t
        where t.tgrelid = r.oid and not t.tgisinternal and t.tgenabled <> 'D')
      or exists (select from pg_rewrite w where w.ev_class = r.oid and w.ev_type <> '1'),
    'triggers', coalesce((select jsonb_agg(distinct t.tgfoid::bigint) from pg_trigger t
      where t.tgrelid = r.oid and not t.tgisinternal and t.tgenabled <> 'D'), '[]'),
    'partitionCheck', case when r.relispartition then pg_get_partition_constraintdef(r.oid) end,
    'columns', coalesce((select jsonb_agg(jsonb_build_object(
        'name', c.attname, 'type', c.type, 'base', c.base, 'typeKind', c.kind, 'isDomain', c.typtype = 'd',
        'labels', coalesce((select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e
          where e.enumtypid = c.base_oid), '[]'),
        'domainChecks', case when c.typtype = 'd' then coalesce((
          select jsonb_agg(pg_get_constraintdef(k.oid)) from pg_constraint k
          where k.contypid = any (c.domains) and k.contype = 'c'), '[]') else '[]' end,
        'element', c.element, 'notNull', c.not_null, 'hasDefault', c.has_default,
        'generated', c.generated, 'expression', c.expression) order by c.attnum)
      from cols c where c.attrelid = r.oid), '[]'),
    'checks', coalesce((select jsonb_agg(jsonb_build_object(
        'expression', pg_get_expr(k.conbin, k.conrelid),
        'columns', (select coalesce(jsonb_agg(c.attname), '[]') from att c
          where c.attrelid = r.oid and c.attnum = any (k.conkey))))
      from pg_constraint k where k.conrelid = r.oid and k.contype = 'c'), '[]'),
    'primaryKey', coalesce((select jsonb_agg(c.attname order by c.attnum) from pg_index i
      join att c on c.attrelid = r.oid and c.attnum = any (i.indkey::int2[])
      where i.indrelid = r.oid and i.indisprimary), '[]'),
    'uniques', coalesce((select jsonb_agg((select jsonb_agg(c.attname) from att c
          where c.attrelid = r.oid and c.attnum = any (i.indkey::int2[])))
      from pg_index i where i.indrelid = r.oid and (i.indisunique or i.indisexclusion) and not (0 = any (i.indkey::int2[]))), '[]'),
    'foreignKeys', coalesce((select jsonb_agg(jsonb_build_object(
        'name', k.conname,
        'target', k.confrelid::bigint,
        'columns', (select jsonb_agg(c.attname order by u.n) from unnest(k.conkey) with ordinality u (num, n)
          join att c on c.attrelid = k.conrelid and c.attnum = u.num),
        'targetColumns', (select jsonb_agg(c.attname order by u.n)
          from unnest(k.confkey) with ordinality u (num, n)
          join att c on c.attrelid = k.confrelid and c.attnum = u.num)) order by k.conname)
      from pg_constraint k
      where k.conrelid = r.oid and k.contype = 'f' and k.confrelid in (select oid from relation)), '[]'),
    'parents', coalesce((select jsonb_agg(h.inhparent::bigint) from pg_inherits h where h.inhrelid = r.oid), '[]'),
    'policies', coalesce((select jsonb_agg(jsonb_build_object(
        'name', p.polname,
        'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
          when 'd' then 'delete' else 'all' end,
        'permissive', p.polpermissive,
        'roles', (select jsonb_agg(case when o = 0 then 'public' else pg_get_userbyid(o) end)
          from unnest(p.polroles) o),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid),
        'columns', coalesce((select jsonb_agg(distinct c.attname) from used u
          join att c on c.attrelid = u.refobjid and c.attnum = u.refobjsubid
          where u.policy = p.oid and u.refobjid = p.polrelid), '[]'),
        'reads', coalesce((select jsonb_agg(distinct u.refobjid::bigint) from used u
          where u.policy = p.oid and u.refclassid = 'pg_class'::regclass and u.refobjid <> p.polrelid), '[]'),
        'calls', coalesce((select jsonb_agg(distinct u.refobjid::bigint) from used u
          where u.policy = p.oid and u.refclassid = 'pg_proc'::regclass), '[]')) order by p.polname)
      from pg_policy p where p.polrelid = r.oid), '[]'),
    'rights', coalesce((select jsonb_object_agg(g.rolname, g.rights) from rights g
      where g.relation = r.oid), '{}')
  ) order by r.oid) from relation r), '[]'),
  'routines', coalesce((select jsonb_agg(jsonb_build_object(
    'id', p.oid::bigint, 'schema', n.nspname, 'name', p.proname,
    'sql', format('%I.%I', n.nspname, p.proname), 'kind', p.prokind,
    'signature', app_data_trial.signature(p.oid),
    'arguments', coalesce((select jsonb_agg(jsonb_build_object(
        'name', coalesce((case when p.proallargtypes is null then p.proargnames
          else (select array_agg(p.proargnames[m.i] order by m.i) from generate_subscripts(p.proargmodes, 1) m (i)
            where p.proargmodes[m.i] in ('i', 'b', 'v')) end)[u.n], ''),
        'type', format_type(u.t, null)) order by u.n)
      from unnest(p.proargtypes::oid[]) with ordinality u (t, n)), '[]'),
    'variadic', p.provariadic <> 0,
    'returns', format_type(p.prorettype, null),
    'source', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), 'securityDefiner', p.prosecdef,
    'volatile', p.provolatile = 'v',
    'executableBy', coalesce((select jsonb_agg(role.rolname) from role
      where has_schema_privilege(role.oid, n.oid, 'usage')
        and has_function_privilege(role.oid, p.oid, 'execute')), '[]')) order by p.oid)
    from pg_proc p join space n on n.oid = p.pronamespace
    where p.prokind in ('f', 'p', 'a') and not exists (select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')), '[]'),
  'roles', (select jsonb_agg(jsonb_build_object(
    'name', role.rolname, 'bypasses', role.bypasses,
    'creatableSchemas', coalesce((select jsonb_agg(format('%I', n.nspname)) from space n
      where has_schema_privilege(role.oid, n.oid, 'create') and has_schema_privilege(role.oid, n.oid, 'usage')), '[]'))
    order by role.rolname <> $1, role.rolname) from role)
) as catalog`;
