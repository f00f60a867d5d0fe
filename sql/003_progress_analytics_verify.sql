-- Purpose   Raise unless 003_progress_analytics holds exactly: nothing missing, nothing changed,
--           nothing wider and nothing more. Lists all that is wrong in one message.
-- Requires  role migrator
-- Hazards   none: writes nothing
-- Rollback  loses nothing

do $verify$
declare
  path constant text := current_setting('search_path');
  problems text[];
begin
  -- A query is printed with the schema of each name only while that is not on the path.
  perform set_config('search_path', '', true);

  with expected (kind, object, definition) as (
    values
      ('view', 'public.activity_by_day', 'materialized view, owned by migrator, options none'),
      ('view', 'public.activity_by_week', 'materialized view, owned by migrator, options none'),
      ('view', 'public.progress_trends', 'view, owned by migrator, options security_invoker=true'),
      ('view', 'public.retention_by_cohort', 'materialized view, owned by migrator, options none'),
      ('view', 'public.vocabulary_growth', 'materialized view, owned by migrator, options none'),
      ('query of', 'public.activity_by_day',
        '454733fc4326ed4f75869c82e5a1174efbc9c8388a0d4bdf6445b58f125f384c'),
      ('query of', 'public.activity_by_week',
        'a6ced82b4acd01d6a0913a62e70bb20020dc06577068c49e67a587f86b219535'),
      ('query of', 'public.progress_trends',
        '8cb85f40601988bfb41543aa94f9701c86a027a1110b2f564863ebf43bdb9e93'),
      ('query of', 'public.retention_by_cohort',
        '5ba28f2e1e06d3679501f92ffd9ebddaaf0a0621565f6d3e13b6298a4020dd65'),
      ('query of', 'public.vocabulary_growth',
        '53bab2148acd2e86342b295cf68d9d803d033ca3efd1c41669617c0c6a3be795'),
      ('index', 'public.idx_activity_by_day_day',
        'CREATE UNIQUE INDEX idx_activity_by_day_day ON public.activity_by_day USING btree '
        '(day)'),
      ('index', 'public.idx_activity_by_week_week',
        'CREATE UNIQUE INDEX idx_activity_by_week_week ON public.activity_by_week USING btree '
        '(week)'),
      ('index', 'public.idx_retention_by_cohort_cohort',
        'CREATE UNIQUE INDEX idx_retention_by_cohort_cohort ON public.retention_by_cohort '
        'USING btree (cohort, weeks_later)'),
      ('index', 'public.idx_vocabulary_growth_week',
        'CREATE UNIQUE INDEX idx_vocabulary_growth_week ON public.vocabulary_growth USING '
        'btree (week)'),
      ('function', 'public.refresh_progress_analytics()',
        'returns boolean, plpgsql, volatile, owned by migrator, security definer, settings '
        'search_path="" lock_timeout=2s, executable by migrator, service_role'),
      ('function', 'public.smallest_reported_group()',
        'returns bigint, sql, immutable, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator'),
      ('body of', 'public.refresh_progress_analytics()',
        '21e345a8f82a2f75ceae532a00b9de7aefa26918fb8aac4de83c83f2348e4d1b'),
      ('body of', 'public.smallest_reported_group()',
        'eda121bd07c1e0aa41ca94a1d230ffa66092e37acfa6162155bcca6a7417aeb2'),
      ('rights on', 'public.activity_by_day of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.activity_by_day of service_role', 'SELECT'),
      ('rights on', 'public.activity_by_week of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.activity_by_week of service_role', 'SELECT'),
      ('rights on', 'public.progress_trends of authenticated', 'SELECT'),
      ('rights on', 'public.progress_trends of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.retention_by_cohort of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.retention_by_cohort of service_role', 'SELECT'),
      ('rights on', 'public.vocabulary_growth of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.vocabulary_growth of service_role', 'SELECT')
  ),
  relations as (
    select c.*, format('%s.%s', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public'
      and c.relname in (
        'progress_trends', 'activity_by_day', 'activity_by_week', 'retention_by_cohort',
        'vocabulary_growth'
      )
  ),
  functions as (
    select p.*, p.oid::regprocedure::text as name
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('public')
      and p.proname in ('smallest_reported_group', 'refresh_progress_analytics')
  ),
  facts (kind, object, definition) as (
    select 'view', r.name,
      concat_ws(', ',
        case r.relkind when 'v' then 'view' when 'm' then 'materialized view'
          else format('kind %s', r.relkind) end,
        format('owned by %s', pg_get_userbyid(r.relowner)),
        format('options %s', coalesce(array_to_string(r.reloptions, ' '), 'none')),
        case when not r.relispopulated then 'never filled' end)
    from relations r
    union all
    select 'query of', r.name,
      encode(sha256(convert_to(pg_get_viewdef(r.oid), 'UTF8')), 'hex')
    from relations r
    where r.relkind in ('v', 'm')
    union all
    select 'index', i.indexrelid::regclass::text,
      concat_ws(' ',
        case when not (i.indisvalid and i.indisready and i.indislive) then 'INVALID' end,
        pg_get_indexdef(i.indexrelid))
    from relations r
    join pg_catalog.pg_index i on i.indrelid = r.oid
    union all
    select 'function', f.name,
      format('returns %s, %s, %s, owned by %s, %s, settings %s, executable by %s',
        f.prorettype::regtype, l.lanname,
        case f.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        pg_get_userbyid(f.proowner),
        case when f.prosecdef then 'security definer' else 'security invoker' end,
        coalesce(array_to_string(f.proconfig, ' '), 'none'),
        (
          select string_agg(coalesce(r.rolname, 'PUBLIC'), ', ' order by r.rolname)
          from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) acl
          left join pg_catalog.pg_roles r on r.oid = acl.grantee
        ))
    from functions f
    join pg_catalog.pg_language l on l.oid = f.prolang
    union all
    select 'body of', f.name, encode(sha256(convert_to(f.prosrc, 'UTF8')), 'hex')
    from functions f
    union all
    select 'rights on', format('%s of %s', r.name, coalesce(o.rolname, 'PUBLIC')),
      string_agg(
        acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end,
        ', ' order by acl.privilege_type)
    from relations r
    cross join aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) acl
    left join pg_catalog.pg_roles o on o.oid = acl.grantee
    group by r.name, o.rolname
    union all
    -- Nothing of the following is expected.
    select 'column rights on', format('%s of %s', r.name, coalesce(o.rolname, 'PUBLIC')),
      string_agg(format('%s %s', acl.privilege_type, a.attname), ', ' order by a.attnum)
    from relations r
    join pg_catalog.pg_attribute a on a.attrelid = r.oid
    cross join aclexplode(a.attacl) acl
    left join pg_catalog.pg_roles o on o.oid = acl.grantee
    group by r.name, o.rolname
    union all
    select 'rule', format('%s.%s', r.name, w.rulename), pg_get_ruledef(w.oid)
    from relations r
    join pg_catalog.pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN'
    union all
    select 'trigger', format('%s.%s', r.name, g.tgname), pg_get_triggerdef(g.oid)
    from relations r
    join pg_catalog.pg_trigger g on g.tgrelid = r.oid
    union all
    -- What reads a report with its owner's rights shows it to whoever is granted that.
    select 'view', v.oid::regclass::text, format('reads %s with the rights of its owner', r.name)
    from relations r
    join pg_catalog.pg_depend d
      on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = r.oid
      and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite w on w.oid = d.objid
    join pg_catalog.pg_class v on v.oid = w.ev_class and v.oid <> r.oid
    where v.relkind = 'm'
      or not coalesce(
        v.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
    group by v.oid, r.name
  )
  select
    array_agg(
      case
        when f.kind is null then
          format('%s %s is missing: %s', e.kind, e.object, e.definition)
        when e.kind is null then
          format('%s %s is not part of this: %s', f.kind, f.object, f.definition)
        else
          format('%s %s is "%s", and must be "%s"', f.kind, f.object, f.definition, e.definition)
      end
      order by coalesce(e.object, f.object), coalesce(e.kind, f.kind)
    )
  into problems
  from expected e
  full join facts f on f.kind = e.kind and f.object = e.object
  where e.definition is distinct from f.definition;

  perform set_config('search_path', path, true);
  if problems is not null then
    raise exception E'SQL007 003_progress_analytics does not hold (problems: %).\n- %',
      cardinality(problems), array_to_string(problems, E'\n- ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Undo what was changed by hand, or apply 003_progress_analytics.sql again: it '
          'restores rights, functions, the view and missing indexes. Drop a report that was '
          'changed before, so that it is made anew.';
  end if;
end
$verify$;
