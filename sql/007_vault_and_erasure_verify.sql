-- Purpose   Raise unless 007_vault_and_erasure holds exactly: nothing missing, nothing changed and
--           nothing wider. Lists all that is wrong in one message. The rest of the table is for the
--           verify file of 000.
-- Requires  role migrator
-- Hazards   none: writes nothing
-- Rollback  loses nothing

do $verify$
declare
  path constant text := current_setting('search_path');
  problems text[];
begin
  -- An expression is printed with the schema of each name only while that is not on the path.
  perform set_config('search_path', '', true);

  with expected (kind, object, definition) as (
    values
      ('policy', 'public.users.users_delete_own',
        'for delete to authenticated using (( SELECT auth.uid() AS uid) = id)'),
      ('rights on', 'public.users of authenticated', 'DELETE'),
      ('function', 'public.users_after(uuid,integer)',
        'SETOF uuid, language sql, stable, as its owner migrator, search_path=""'),
      ('body of', 'public.users_after(uuid,integer)', '5cb66f32aa4d5bb22f3def3e473cf6d72ed3dad545c89c481abdd70adccc837b'),
      ('rights on', 'public.users_after(uuid,integer) of migrator', 'EXECUTE'),
      ('rights on', 'public.users_after(uuid,integer) of service_role', 'EXECUTE')
  ),
  facts (kind, object, definition) as (
    select 'policy', format('%s.%s', p.polrelid::regclass, p.polname),
      concat_ws(' ',
        case when not p.polpermissive then 'restrictive' end,
        'for', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
          when 'd' then 'delete' else 'all' end,
        'to', (
          select string_agg(coalesce(r.rolname, 'PUBLIC'), ', ' order by r.rolname)
          from unnest(p.polroles) as member (oid)
          left join pg_catalog.pg_roles r on r.oid = member.oid
        ),
        'using ' || pg_get_expr(p.polqual, p.polrelid),
        'with check ' || pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_catalog.pg_policy p
    where p.polrelid = to_regclass('public.users') and p.polname = 'users_delete_own'
    union all
    select 'rights on', format('%s of %s', c.oid::regclass, acl.grantee::regrole),
      acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end
    from pg_catalog.pg_class c
    cross join aclexplode(c.relacl) acl
    where c.oid = to_regclass('public.users')
      and acl.grantee = to_regrole('authenticated') and acl.privilege_type = 'DELETE'
    union all
    select 'function', f.oid::regprocedure::text,
      concat_ws(', ',
        pg_get_function_result(f.oid), format('language %s', l.lanname),
        case f.provolatile when 's' then 'stable' when 'i' then 'immutable' else 'volatile' end,
        case when f.prosecdef then format('as its owner %s', f.proowner::regrole) end,
        array_to_string(f.proconfig, ', '))
    from pg_catalog.pg_proc f
    join pg_catalog.pg_language l on l.oid = f.prolang
    where f.oid = to_regprocedure('public.users_after(uuid, integer)')
    union all
    select 'body of', f.oid::regprocedure::text,
      encode(sha256(convert_to(f.prosrc, 'UTF8')), 'hex')
    from pg_catalog.pg_proc f
    where f.oid = to_regprocedure('public.users_after(uuid, integer)')
    union all
    select 'rights on',
      format('%s of %s', f.oid::regprocedure, coalesce(r.rolname, 'PUBLIC')),
      acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end
    from pg_catalog.pg_proc f
    cross join aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    where f.oid = to_regprocedure('public.users_after(uuid, integer)')
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
    raise exception E'SQL007 007_vault_and_erasure does not hold (problems: %).\n- %',
      cardinality(problems), array_to_string(problems, E'\n- ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Undo what was changed by hand, or apply 007_vault_and_erasure.sql again: it '
          'restores them.';
  end if;
end
$verify$;
