-- Purpose   Raise unless 004_export_lifecycle holds exactly: nothing missing, nothing changed,
--           nothing wider and nothing more. Lists all that is wrong in one message.
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
      ('table', 'public.export_archive', 'owned by migrator, row level security, forced'),
      ('table', 'public.export_object_deletions', 'owned by migrator, row level security, forced'),
      ('column', 'public.export_archive.archived_at',
        '17 timestamp with time zone not null default now()'),
      ('column', 'public.export_archive.checksum_sha256', '8 text'),
      ('column', 'public.export_archive.completed_at', '12 timestamp with time zone'),
      ('column', 'public.export_archive.created_at', '15 timestamp with time zone not null'),
      ('column', 'public.export_archive.download_count', '14 bigint not null'),
      ('column', 'public.export_archive.error_message', '10 text'),
      ('column', 'public.export_archive.expires_at', '13 timestamp with time zone'),
      ('column', 'public.export_archive.export_type', '3 text not null'),
      ('column', 'public.export_archive.file_size_bytes', '6 bigint'),
      ('column', 'public.export_archive.filters', '9 jsonb not null'),
      ('column', 'public.export_archive.format', '4 text not null'),
      ('column', 'public.export_archive.id', '1 uuid not null'),
      ('column', 'public.export_archive.row_count', '7 bigint'),
      ('column', 'public.export_archive.started_at', '11 timestamp with time zone'),
      ('column', 'public.export_archive.status', '5 text not null'),
      ('column', 'public.export_archive.updated_at', '16 timestamp with time zone not null'),
      ('column', 'public.export_archive.user_id', '2 uuid not null'),
      ('column', 'public.export_object_deletions.attempts', '5 bigint not null default 0'),
      ('column', 'public.export_object_deletions.claimed_at', '4 timestamp with time zone'),
      ('column', 'public.export_object_deletions.requested_at',
        '3 timestamp with time zone not null default now()'),
      ('column', 'public.export_object_deletions.storage_bucket', '1 text not null'),
      ('column', 'public.export_object_deletions.storage_key', '2 text not null'),
      ('constraint', 'public.export_archive.export_archive_pkey', 'PRIMARY KEY (id)'),
      ('constraint', 'public.export_archive.export_archive_status_check',
        'CHECK ((status = ANY (ARRAY[''failed''::text, ''expired''::text])))'),
      ('constraint', 'public.export_archive.export_archive_user_id_fkey',
        'FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE'),
      ('constraint', 'public.export_object_deletions.export_object_deletions_pkey',
        'PRIMARY KEY (storage_bucket, storage_key)'),
      ('index', 'public.export_archive_pkey',
        'CREATE UNIQUE INDEX export_archive_pkey ON public.export_archive USING btree (id)'),
      ('index', 'public.export_object_deletions_pkey',
        'CREATE UNIQUE INDEX export_object_deletions_pkey ON public.export_object_deletions '
        'USING btree (storage_bucket, storage_key)'),
      ('index', 'public.idx_export_archive_archived_at',
        'CREATE INDEX idx_export_archive_archived_at ON public.export_archive USING btree '
        '(archived_at)'),
      ('index', 'public.idx_export_archive_user_id',
        'CREATE INDEX idx_export_archive_user_id ON public.export_archive USING btree (user_id)'),
      ('index', 'public.idx_export_history_expires_at',
        'CREATE INDEX idx_export_history_expires_at ON public.export_history USING btree '
        '(expires_at) WHERE (status = ''completed''::text)'),
      ('index', 'public.idx_export_history_storage',
        'CREATE UNIQUE INDEX idx_export_history_storage ON public.export_history USING btree '
        '(storage_bucket, storage_key) WHERE (storage_key IS NOT NULL)'),
      ('index', 'public.idx_export_object_deletions_requested_at',
        'CREATE INDEX idx_export_object_deletions_requested_at ON '
        'public.export_object_deletions USING btree (requested_at)'),
      ('trigger', 'public.export_history.trigger_export_history_transition',
        'CREATE TRIGGER trigger_export_history_transition BEFORE UPDATE OF status, '
        'storage_bucket, storage_key, completed_at, expires_at ON public.export_history FOR EACH '
        'ROW EXECUTE FUNCTION public.check_export_transition()'),
      ('trigger', 'public.export_history.trigger_export_object_deletion',
        'CREATE TRIGGER trigger_export_object_deletion BEFORE DELETE OR UPDATE OF status, '
        'storage_bucket, storage_key ON public.export_history FOR EACH ROW EXECUTE FUNCTION '
        'public.queue_export_object_deletion()'),
      ('function', 'public.archive_exports(interval,integer)',
        'returns bigint, sql, volatile, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator, service_role'),
      ('function', 'public.check_export_transition()',
        'returns trigger, plpgsql, volatile, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator'),
      ('function', 'public.claim_export_object_deletions(integer)',
        'returns TABLE(storage_bucket text, storage_key text), sql, volatile, owned by '
        'migrator, security invoker, settings search_path="", executable by migrator, '
        'service_role'),
      ('function', 'public.delete_archived_exports(interval,integer)',
        'returns bigint, sql, volatile, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator, service_role'),
      ('function', 'public.expire_exports(integer)',
        'returns bigint, sql, volatile, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator, service_role'),
      ('function', 'public.fail_stalled_exports(integer)',
        'returns bigint, sql, volatile, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator, service_role'),
      ('function', 'public.queue_export_object_deletion()',
        'returns trigger, plpgsql, volatile, owned by migrator, security definer, settings '
        'search_path="", executable by migrator'),
      ('function', 'public.queue_unnamed_export_objects(text,text[])',
        'returns bigint, sql, volatile, owned by migrator, security invoker, settings '
        'search_path="", executable by migrator, service_role'),
      ('body of', 'public.archive_exports(interval,integer)',
        'ccab56f4fae8112421498c48a973e7e8ca321a097ef12c40e320117e4daafd9f'),
      ('body of', 'public.check_export_transition()',
        'f5ce10df63edd7cf6c91d74516bdb69b907e108a3a1387f3379b4540cb488db5'),
      ('body of', 'public.claim_export_object_deletions(integer)',
        '7f3ea41faee060c3924b1c0e0a960c9718ac5d001efffe36b8191c3673795491'),
      ('body of', 'public.delete_archived_exports(interval,integer)',
        '24ef4f5ae2f3c706789b0fe4f09f61eb053914712953ed6fb7fc8b07b53b88a7'),
      ('body of', 'public.expire_exports(integer)',
        '70967d7d7713ac318576139a08f213986d4502b793e4ef4e53d20711cdda234e'),
      ('body of', 'public.fail_stalled_exports(integer)',
        '0be05be58001b8c3f280eef536c45305753f73e1653405b73b678fab3ae118b9'),
      ('body of', 'public.queue_export_object_deletion()',
        '28f14973d18fb9f0f8a82cc269dbab72cde4d2b7aaef82124161c8bc9b907581'),
      ('body of', 'public.queue_unnamed_export_objects(text,text[])',
        'b1be2c56e66b1d847aab0799bb9820ae8dc20a0135220dd7d0199f76be7324ca'),
      ('policy', 'public.export_archive.export_archive_select_own',
        'for select to authenticated using (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.export_archive.export_archive_service',
        'for all to service_role using true with check true'),
      ('policy', 'public.export_history.export_history_update_pending',
        'restrictive for update to authenticated using (status = ''pending''::text)'),
      ('policy', 'public.export_object_deletions.export_object_deletions_migrator_insert',
        'for insert to migrator with check true'),
      ('policy', 'public.export_object_deletions.export_object_deletions_migrator_select',
        'for select to migrator using true'),
      ('policy', 'public.export_object_deletions.export_object_deletions_service',
        'for all to service_role using true with check true'),
      ('rights on', 'public.export_archive of authenticated', 'SELECT'),
      ('rights on', 'public.export_archive of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.export_archive of service_role', 'DELETE, SELECT'),
      ('rights on', 'public.export_object_deletions of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.export_object_deletions of service_role', 'DELETE, SELECT'),
      ('column rights on', 'public.export_archive of service_role',
        'INSERT id, INSERT user_id, INSERT export_type, INSERT format, INSERT status, INSERT '
        'file_size_bytes, INSERT row_count, INSERT checksum_sha256, INSERT filters, INSERT '
        'error_message, INSERT started_at, INSERT completed_at, INSERT expires_at, INSERT '
        'download_count, INSERT created_at, INSERT updated_at, UPDATE archived_at'),
      ('column rights on', 'public.export_object_deletions of service_role',
        'INSERT storage_bucket, INSERT storage_key, UPDATE claimed_at, UPDATE attempts')
  ),
  tables as (
    select c.oid, c.relowner, c.relacl, format('%s.%s', n.nspname, c.relname) as name,
      c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public'
      and c.relname in ('export_archive', 'export_object_deletions')
  ),
  columns as (
    select
      t.oid, t.name, a.attname, a.attacl, a.attnotnull, a.attgenerated,
      row_number() over (partition by t.oid order by a.attnum) as position,
      format_type(a.atttypid, a.atttypmod) as type,
      regexp_replace(pg_get_expr(d.adbin, d.adrelid), '\s+', ' ', 'g') as expression
    from tables t
    join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_catalog.pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  ),
  functions as (
    select p.*, p.oid::regprocedure::text as name
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('public')
      and p.proname in (
        'check_export_transition', 'queue_export_object_deletion',
        'fail_stalled_exports', 'expire_exports', 'archive_exports', 'delete_archived_exports',
        'claim_export_object_deletions', 'queue_unnamed_export_objects'
      )
  ),
  facts (kind, object, definition) as (
    select 'table', t.name,
      concat_ws(', ',
        format('owned by %s', pg_get_userbyid(t.relowner)),
        case when t.relrowsecurity then 'row level security' else 'no row level security' end,
        case when t.relforcerowsecurity then 'forced' else 'not forced' end,
        case when t.relkind <> 'r' then format('kind %s', t.relkind) end,
        case when t.relpersistence <> 'p' then format('persistence %s', t.relpersistence) end)
    from tables t
    union all
    select 'column', format('%s.%s', c.name, c.attname),
      concat_ws(' ', c.position, c.type,
        case when c.attnotnull then 'not null' end,
        case when c.attgenerated = 's' then 'generated'
          when c.expression is not null then 'default' end,
        c.expression)
    from columns c
    union all
    select 'constraint', format('%s.%s', t.name, k.conname), pg_get_constraintdef(k.oid)
    from tables t
    join pg_catalog.pg_constraint k
      on k.conrelid = t.oid and k.contype in ('c', 'f', 'p', 'u', 'x')
    union all
    select 'index', i.indexrelid::regclass::text,
      concat_ws(' ',
        case when not (i.indisvalid and i.indisready and i.indislive) then 'INVALID' end,
        pg_get_indexdef(i.indexrelid))
    from pg_catalog.pg_index i
    left join tables t on t.oid = i.indrelid
    where t.oid is not null
      or i.indexrelid::regclass::text in (
        'public.idx_export_history_expires_at', 'public.idx_export_history_storage'
      )
    union all
    -- A trigger of the server's own counts when it was switched off: it enforces a foreign key.
    select 'trigger', format('%s.%s', coalesce(t.name, g.tgrelid::regclass::text), g.tgname),
      concat_ws(' ',
        case g.tgenabled when 'O' then null when 'D' then 'DISABLED' else 'NOT ALWAYS' end,
        pg_get_triggerdef(g.oid))
    from pg_catalog.pg_trigger g
    left join tables t on t.oid = g.tgrelid
    where (t.oid is not null and (not g.tgisinternal or g.tgenabled <> 'O'))
      or (
        g.tgrelid::regclass::text = 'public.export_history'
        and g.tgname in (
          'trigger_export_history_transition', 'trigger_export_object_deletion'
        )
      )
    union all
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
    left join tables t on t.oid = p.polrelid
    where t.oid is not null
      or (
        p.polrelid::regclass::text = 'public.export_history'
        and p.polname = 'export_history_update_pending'
      )
    union all
    select 'rights on', format('%s of %s', t.name, coalesce(r.rolname, 'PUBLIC')),
      string_agg(
        acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end,
        ', ' order by acl.privilege_type)
    from tables t
    cross join aclexplode(coalesce(t.relacl, acldefault('r', t.relowner))) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    group by t.name, r.rolname
    union all
    select 'column rights on', format('%s of %s', c.name, coalesce(r.rolname, 'PUBLIC')),
      string_agg(
        format('%s %s%s', acl.privilege_type, c.attname,
          case when acl.is_grantable then ' with grant option' end),
        ', ' order by acl.privilege_type, c.position)
    from columns c
    cross join aclexplode(c.attacl) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    group by c.name, r.rolname
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
    -- Nothing of the following is expected: each row found is a way around the policies.
    select 'rule', format('%s.%s', t.name, w.rulename), pg_get_ruledef(w.oid)
    from tables t
    join pg_catalog.pg_rewrite w on w.ev_class = t.oid
    union all
    select 'child table', h.inhrelid::regclass::text, format('of %s', t.name)
    from tables t
    join pg_catalog.pg_inherits h on h.inhparent = t.oid
    union all
    select 'view', v.oid::regclass::text, format('reads %s with the rights of its owner', t.name)
    from tables t
    join pg_catalog.pg_depend d
      on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid
      and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite w on w.oid = d.objid
    join pg_catalog.pg_class v on v.oid = w.ev_class and v.relkind = 'v'
    where not coalesce(v.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
    group by v.oid, t.name
    union all
    select 'role', r.rolname, format('bypasses row level security and has rights on %s', t.name)
    from pg_catalog.pg_roles r
    cross join tables t
    where r.rolbypassrls
      and not r.rolsuper
      and r.rolname not in ('migrator', 'app', 'anon', 'authenticated', 'service_role')
      and (
        has_table_privilege(r.oid, t.oid, 'select, insert, update, delete, truncate')
        or has_any_column_privilege(r.oid, t.oid, 'select, insert, update')
      )
    union all
    select 'role', r.rolname, format('has rights on %s, and must have none', t.name)
    from pg_catalog.pg_roles r
    cross join tables t
    where r.rolname in ('app', 'anon')
      and not r.rolsuper
      and (
        has_table_privilege(r.oid, t.oid, 'select, insert, update, delete, truncate')
        or has_any_column_privilege(r.oid, t.oid, 'select, insert, update')
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
    raise exception E'SQL007 004_export_lifecycle does not hold (problems: %).\n- %',
      cardinality(problems), array_to_string(problems, E'\n- ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Undo what was changed by hand, or apply 004_export_lifecycle.sql again: it '
          'restores policies, rights, functions, triggers and missing indexes.';
  end if;
end
$verify$;
