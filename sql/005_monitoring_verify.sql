-- Purpose   Raise unless 005_monitoring holds exactly: nothing missing, nothing changed,
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
      ('schema', 'monitoring', 'owned by migrator'),
      ('rights on schema', 'monitoring of migrator', 'CREATE, USAGE'),
      ('rights on schema', 'monitoring of monitor', 'USAGE'),
      ('view', 'monitoring.changed_protection',
        'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.indexes', 'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.notes', 'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.statements', 'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.tables', 'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.tables_without_row_security',
        'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.transaction_ids',
        'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.triggers', 'view, owned by migrator, options security_invoker=true'),
      ('view', 'monitoring.waiting_locks',
        'view, owned by migrator, options security_invoker=true'),
      ('query of', 'monitoring.changed_protection',
        'aa6fc24d5c254f53a988ae1281a3c6ce70e08e4626c246f7fce9ec0235ad95ab'),
      ('query of', 'monitoring.indexes',
        '1cfe924452ccdeed932c88bc1b4a2bed1c79badbbcb8bbad33c53815027fafa3'),
      ('query of', 'monitoring.notes',
        'bfa57fa0ce066b7bbad363f327b922e09e6248f2e83471cbe5119e4155eb8222'),
      ('query of', 'monitoring.statements',
        'c2ca111c5637af40fbe80c39bbff7d8dcf9fcc1f85a1e0f88f13bad9e98ee215'),
      ('query of', 'monitoring.tables',
        'dc16c0b2967bb82b741525819bb9083d62342e1d2d69b4b50c16da78da32f615'),
      ('query of', 'monitoring.tables_without_row_security',
        '3b6d6294504da100976a4bf3cc1da9c5dfbb0e10ab65e5dbcee6a68f10dbb90b'),
      ('query of', 'monitoring.transaction_ids',
        '8d0d427417516b87d2099e19f80093e330a20ec4d2cb5c3f432fcdb5199964d7'),
      ('query of', 'monitoring.triggers',
        '1498d74d3d07137264b61776419e1b3b57b6932bafd47c967429cfbabb001e2b'),
      ('query of', 'monitoring.waiting_locks',
        '305c97d7195f5a114899f080f5af6ae52633f335f857360c75f6a013bd2dce34'),
      ('function', 'monitoring.read_changes()',
        'returns TABLE(object text, change text), plpgsql, stable, owned by migrator, security '
        'definer, settings search_path="" lock_timeout=1s, executable by migrator, monitor'),
      ('function', 'monitoring.read_statements()',
        'returns TABLE(role text, statement text, calls bigint, rows bigint, total_ms double '
        'precision, mean_ms double precision, longest_ms double precision, blocks_cached '
        'bigint, blocks_read bigint), plpgsql, stable, owned by migrator, security definer, '
        'settings search_path="", executable by migrator, monitor'),
      ('function', 'monitoring.read_waits()',
        'returns TABLE(pid integer, role text, waits_for text, relation text, waiting_ms '
        'double precision, blocked_by integer[]), sql, stable, owned by migrator, security '
        'definer, settings search_path="", executable by migrator, monitor'),
      ('function', 'monitoring.report()',
        'returns jsonb, sql, stable, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator, monitor'),
      ('body of', 'monitoring.read_changes()',
        '29312f4f13d52a9595b71b743d26bf5b8eb98d3abd7de2f3b4a4da1a74094c97'),
      ('body of', 'monitoring.read_statements()',
        '15db024e050858e989077cda57131a567cec5813a6cb5c97284a6d05855931c4'),
      ('body of', 'monitoring.read_waits()',
        '860cc6f2c1bcaaa20c317c732914001cba8cae0c29a737b5fb9391175b41512e'),
      ('body of', 'monitoring.report()',
        'f5ea455cbdfa5b2196517e651a97008479db910cb421dbfe88c825748aa66d69'),
      ('rights on', 'monitoring.changed_protection of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.changed_protection of monitor', 'SELECT'),
      ('rights on', 'monitoring.indexes of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.indexes of monitor', 'SELECT'),
      ('rights on', 'monitoring.notes of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.notes of monitor', 'SELECT'),
      ('rights on', 'monitoring.statements of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.statements of monitor', 'SELECT'),
      ('rights on', 'monitoring.tables of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.tables of monitor', 'SELECT'),
      ('rights on', 'monitoring.tables_without_row_security of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.tables_without_row_security of monitor', 'SELECT'),
      ('rights on', 'monitoring.transaction_ids of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.transaction_ids of monitor', 'SELECT'),
      ('rights on', 'monitoring.triggers of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.triggers of monitor', 'SELECT'),
      ('rights on', 'monitoring.waiting_locks of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'monitoring.waiting_locks of monitor', 'SELECT')
  ),
  relations as (
    select c.*, format('%s.%s', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'monitoring'
  ),
  functions as (
    select p.*, p.oid::regprocedure::text as name
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('monitoring')
  ),
  facts (kind, object, definition) as (
    select 'schema', n.nspname::text, format('owned by %s', pg_get_userbyid(n.nspowner))
    from pg_catalog.pg_namespace n
    where n.nspname = 'monitoring'
    union all
    select 'rights on schema', format('%s of %s', n.nspname, coalesce(o.rolname, 'PUBLIC')),
      string_agg(
        acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end,
        ', ' order by acl.privilege_type)
    from pg_catalog.pg_namespace n
    cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
    left join pg_catalog.pg_roles o on o.oid = acl.grantee
    where n.nspname = 'monitoring'
    group by n.nspname, o.rolname
    union all
    -- One line for each of its powers; there is none.
    select 'role', 'monitor', power.name
    from pg_catalog.pg_roles r
    cross join lateral (
      values
        (r.rolsuper, 'a superuser'),
        (r.rolbypassrls, 'bypasses row level security'),
        (r.rolcreaterole, 'makes roles'),
        (r.rolcreatedb, 'makes databases'),
        (r.rolreplication, 'replicates')
    ) as power (is_there, name)
    where r.rolname = 'monitor' and power.is_there
    union all
    select 'view', r.name,
      concat_ws(', ',
        case r.relkind when 'v' then 'view' when 'm' then 'materialized view'
          else format('kind %s', r.relkind) end,
        format('owned by %s', pg_get_userbyid(r.relowner)),
        format('options %s', coalesce(array_to_string(r.reloptions, ' '), 'none')),
        case when r.relkind = 'm' and not r.relispopulated then 'never filled' end)
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
        pg_get_function_result(f.oid), l.lanname,
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
    select 'role', 'monitor', format('a member of %s', above.rolname)
    from pg_catalog.pg_auth_members m
    join pg_catalog.pg_roles above on above.oid = m.roleid
    join pg_catalog.pg_roles r on r.oid = m.member and r.rolname = 'monitor'
    union all
    select 'role', 'monitor', format('has rights on %s.%s', n.nspname, c.relname)
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_roles r on r.rolname = 'monitor' and not r.rolsuper
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
      and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'monitoring')
      -- The views of an extension are for everybody.
      and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
      and (
        has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate')
        or has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
      )
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
    raise exception E'SQL007 005_monitoring does not hold (problems: %).\n- %',
      cardinality(problems), array_to_string(problems, E'\n- ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Undo what was changed by hand, or apply 005_monitoring.sql again: it restores '
          'rights, functions and views.';
  end if;
end
$verify$;
