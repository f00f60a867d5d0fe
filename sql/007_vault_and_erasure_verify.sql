-- Purpose   Raise unless 007_vault_and_erasure holds exactly: nothing missing, nothing changed and
--           nothing wider. Lists all that is wrong in one message. The rest of both tables is for
--           the verify files of 000 and 001.
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
      ('policy', 'public.user_api_keys.user_api_keys_service',
        'for select to service_role using true'),
      ('policy', 'public.users.users_delete_own',
        'for delete to authenticated using (( SELECT auth.uid() AS uid) = id)'),
      ('rights on', 'public.users of authenticated', 'DELETE'),
      ('column rights on', 'public.user_api_keys of service_role',
        'SELECT user_id, SELECT encryption_key_id, SELECT is_active, SELECT last_validated_at, '
        'SELECT updated_at')
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
    where (p.polrelid = to_regclass('public.user_api_keys') and p.polname = 'user_api_keys_service')
      or (p.polrelid = to_regclass('public.users') and p.polname = 'users_delete_own')
    union all
    select 'rights on', format('%s of %s', c.oid::regclass, acl.grantee::regrole),
      string_agg(
        acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end,
        ', ' order by acl.privilege_type)
    from pg_catalog.pg_class c
    cross join aclexplode(c.relacl) acl
    where (
        c.oid = to_regclass('public.users') and acl.grantee = to_regrole('authenticated')
        and acl.privilege_type = 'DELETE'
      )
      or (
        c.oid = to_regclass('public.user_api_keys') and acl.grantee = to_regrole('service_role')
      )
    group by c.oid, acl.grantee
    union all
    select 'column rights on', format('%s of %s', a.attrelid::regclass, acl.grantee::regrole),
      string_agg(
        format('%s %s%s', acl.privilege_type, a.attname,
          case when acl.is_grantable then ' with grant option' end),
        ', ' order by acl.privilege_type, a.attnum)
    from pg_catalog.pg_attribute a
    cross join aclexplode(a.attacl) acl
    where a.attrelid = to_regclass('public.user_api_keys')
      and acl.grantee = to_regrole('service_role')
    group by a.attrelid, acl.grantee
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
          'restores policies and rights.';
  end if;
end
$verify$;
