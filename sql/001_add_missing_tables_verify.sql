-- Purpose   Raise unless 001_add_missing_tables holds exactly: nothing missing, nothing changed,
--           nothing wider and nothing more. Lists all that is wrong in one message.
-- Requires  role migrator, with row_security on
-- Hazards   none: writes nothing
-- Rollback  loses nothing

do $verify$
declare
  path constant text := current_setting('search_path');
  problems text[];
  users_without_row bigint := 0;
begin
  -- An expression is printed with the schema of each name only while that is not on the path.
  perform set_config('search_path', '', true);

  with expected (kind, object, definition) as (
    values
      -- 3 tables.
      ('table', 'public.user_api_keys', 'owned by migrator, row level security, forced'),
      ('table', 'public.user_progress', 'owned by migrator, row level security, forced'),
      ('table', 'public.export_history', 'owned by migrator, row level security, forced'),
      -- 8, 25 and 18 columns, in this order.
      ('column', 'public.user_api_keys.id', '1 uuid not null default gen_random_uuid()'),
      ('column', 'public.user_api_keys.user_id', '2 uuid not null'),
      ('column', 'public.user_api_keys.encrypted_keys', '3 bytea not null'),
      ('column', 'public.user_api_keys.encryption_key_id', '4 text not null'),
      ('column', 'public.user_api_keys.is_active', '5 boolean not null default true'),
      ('column', 'public.user_api_keys.last_validated_at', '6 timestamp with time zone'),
      ('column', 'public.user_api_keys.created_at',
        '7 timestamp with time zone not null default now()'),
      ('column', 'public.user_api_keys.updated_at',
        '8 timestamp with time zone not null default now()'),
      ('column', 'public.user_progress.id', '1 uuid not null default gen_random_uuid()'),
      ('column', 'public.user_progress.user_id', '2 uuid not null'),
      ('column', 'public.user_progress.total_sessions', '3 bigint not null default 0'),
      ('column', 'public.user_progress.total_descriptions', '4 bigint not null default 0'),
      ('column', 'public.user_progress.total_images', '5 bigint not null default 0'),
      ('column', 'public.user_progress.total_questions', '6 bigint not null default 0'),
      ('column', 'public.user_progress.total_vocabulary', '7 bigint not null default 0'),
      ('column', 'public.user_progress.total_time_seconds', '8 bigint not null default 0'),
      ('column', 'public.user_progress.sessions_today', '9 bigint not null default 0'),
      ('column', 'public.user_progress.sessions_this_week', '10 bigint not null default 0'),
      ('column', 'public.user_progress.descriptions_this_week', '11 bigint not null default 0'),
      ('column', 'public.user_progress.vocabulary_this_week', '12 bigint not null default 0'),
      ('column', 'public.user_progress.time_this_week_seconds', '13 bigint not null default 0'),
      ('column', 'public.user_progress.current_streak_days', '14 bigint not null default 0'),
      ('column', 'public.user_progress.longest_streak_days', '15 bigint not null default 0'),
      ('column', 'public.user_progress.best_session_vocabulary', '16 bigint not null default 0'),
      ('column', 'public.user_progress.longest_session_seconds', '17 bigint not null default 0'),
      ('column', 'public.user_progress.average_session_seconds',
        '18 bigint generated  CASE WHEN (total_sessions > 0) THEN (total_time_seconds / '
        'total_sessions) ELSE (0)::bigint END'),
      ('column', 'public.user_progress.last_session_id', '19 uuid'),
      ('column', 'public.user_progress.first_activity_at', '20 timestamp with time zone'),
      ('column', 'public.user_progress.last_activity_at', '21 timestamp with time zone'),
      ('column', 'public.user_progress.achievements', '22 jsonb not null default ''{}''::jsonb'),
      ('column', 'public.user_progress.preferences', '23 jsonb not null default ''{}''::jsonb'),
      ('column', 'public.user_progress.created_at',
        '24 timestamp with time zone not null default now()'),
      ('column', 'public.user_progress.updated_at',
        '25 timestamp with time zone not null default now()'),
      ('column', 'public.export_history.id', '1 uuid not null default gen_random_uuid()'),
      ('column', 'public.export_history.user_id', '2 uuid not null'),
      ('column', 'public.export_history.export_type', '3 text not null'),
      ('column', 'public.export_history.format', '4 text not null'),
      ('column', 'public.export_history.status', '5 text not null default ''pending''::text'),
      ('column', 'public.export_history.storage_bucket', '6 text'),
      ('column', 'public.export_history.storage_key', '7 text'),
      ('column', 'public.export_history.file_size_bytes', '8 bigint'),
      ('column', 'public.export_history.row_count', '9 bigint'),
      ('column', 'public.export_history.checksum_sha256', '10 text'),
      ('column', 'public.export_history.filters', '11 jsonb not null default ''{}''::jsonb'),
      ('column', 'public.export_history.error_message', '12 text'),
      ('column', 'public.export_history.started_at', '13 timestamp with time zone'),
      ('column', 'public.export_history.completed_at', '14 timestamp with time zone'),
      ('column', 'public.export_history.expires_at', '15 timestamp with time zone'),
      ('column', 'public.export_history.download_count', '16 bigint not null default 0'),
      ('column', 'public.export_history.created_at',
        '17 timestamp with time zone not null default now()'),
      ('column', 'public.export_history.updated_at',
        '18 timestamp with time zone not null default now()'),
      -- What they promise.
      ('constraint', 'public.user_api_keys.user_api_keys_encrypted_keys_check',
        'CHECK ((octet_length(encrypted_keys) > 0))'),
      ('constraint', 'public.user_api_keys.user_api_keys_encryption_key_id_check',
        'CHECK ((encryption_key_id <> ''''::text))'),
      ('constraint', 'public.user_api_keys.user_api_keys_last_validated_at_check',
        'CHECK (isfinite(last_validated_at))'),
      ('constraint', 'public.user_api_keys.user_api_keys_pkey', 'PRIMARY KEY (id)'),
      ('constraint', 'public.user_api_keys.idx_user_api_keys_user_id', 'UNIQUE (user_id)'),
      ('constraint', 'public.user_api_keys.user_api_keys_user_id_fkey',
        'FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE'),
      ('constraint', 'public.user_progress.user_progress_counters_check',
        'CHECK ((LEAST(total_sessions, total_descriptions, total_images, total_questions, '
        'total_vocabulary, total_time_seconds, sessions_today, sessions_this_week, '
        'descriptions_this_week, vocabulary_this_week, time_this_week_seconds, '
        'current_streak_days, longest_streak_days, best_session_vocabulary, '
        'longest_session_seconds) >= 0))'),
      ('constraint', 'public.user_progress.user_progress_times_check',
        'CHECK ((isfinite(first_activity_at) AND isfinite(last_activity_at) AND '
        '(last_activity_at >= first_activity_at)))'),
      ('constraint', 'public.user_progress.user_progress_achievements_check',
        'CHECK ((jsonb_typeof(achievements) = ''object''::text))'),
      ('constraint', 'public.user_progress.user_progress_preferences_check',
        'CHECK ((jsonb_typeof(preferences) = ''object''::text))'),
      ('constraint', 'public.user_progress.user_progress_pkey', 'PRIMARY KEY (id)'),
      ('constraint', 'public.user_progress.idx_user_progress_user_id', 'UNIQUE (user_id)'),
      ('constraint', 'public.user_progress.user_progress_user_id_fkey',
        'FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE'),
      ('constraint', 'public.export_history.export_history_format_check',
        'CHECK ((format = ANY (ARRAY[''jsonl''::text, ''csv''::text])))'),
      ('constraint', 'public.export_history.export_history_export_type_check',
        'CHECK ((export_type = ANY (ARRAY[''progress''::text, ''sessions''::text, '
        '''vocabulary''::text, ''full''::text])))'),
      ('constraint', 'public.export_history.export_history_status_check',
        'CHECK ((status = ANY (ARRAY[''pending''::text, ''processing''::text, '
        '''completed''::text, ''failed''::text, ''expired''::text])))'),
      ('constraint', 'public.export_history.export_history_counts_check',
        'CHECK ((LEAST(file_size_bytes, row_count, download_count) >= 0))'),
      ('constraint', 'public.export_history.export_history_checksum_sha256_check',
        'CHECK ((checksum_sha256 ~ ''^[0-9a-f]{64}$''::text))'),
      ('constraint', 'public.export_history.export_history_filters_check',
        'CHECK ((jsonb_typeof(filters) = ''object''::text))'),
      ('constraint', 'public.export_history.export_history_times_check',
        'CHECK ((isfinite(started_at) AND isfinite(completed_at) AND isfinite(expires_at) AND '
        '(completed_at >= started_at)))'),
      ('constraint', 'public.export_history.export_history_pkey', 'PRIMARY KEY (id)'),
      ('constraint', 'public.export_history.export_history_user_id_fkey',
        'FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE'),
      -- 7 named indexes, of which 2 back constraints, and 3 primary keys.
      ('index', 'public.user_api_keys_pkey',
        'CREATE UNIQUE INDEX user_api_keys_pkey ON public.user_api_keys USING btree (id)'),
      ('index', 'public.user_progress_pkey',
        'CREATE UNIQUE INDEX user_progress_pkey ON public.user_progress USING btree (id)'),
      ('index', 'public.export_history_pkey',
        'CREATE UNIQUE INDEX export_history_pkey ON public.export_history USING btree (id)'),
      ('index', 'public.idx_user_api_keys_user_id',
        'CREATE UNIQUE INDEX idx_user_api_keys_user_id ON public.user_api_keys USING btree '
        '(user_id)'),
      ('index', 'public.idx_user_progress_user_id',
        'CREATE UNIQUE INDEX idx_user_progress_user_id ON public.user_progress USING btree '
        '(user_id)'),
      ('index', 'public.idx_user_progress_last_activity',
        'CREATE INDEX idx_user_progress_last_activity ON public.user_progress USING btree '
        '(last_activity_at DESC)'),
      ('index', 'public.idx_export_history_user_id',
        'CREATE INDEX idx_export_history_user_id ON public.export_history USING btree '
        '(user_id, created_at DESC)'),
      ('index', 'public.idx_export_history_status',
        'CREATE INDEX idx_export_history_status ON public.export_history USING btree '
        '(status, created_at DESC)'),
      ('index', 'public.idx_export_history_created_at',
        'CREATE INDEX idx_export_history_created_at ON public.export_history USING btree '
        '(created_at DESC)'),
      ('index', 'public.idx_export_history_export_type',
        'CREATE INDEX idx_export_history_export_type ON public.export_history USING btree '
        '(export_type)'),
      -- 4 functions. The body is known by its SHA-256: to edit one is to edit it here.
      ('function', 'public.update_user_progress_updated_at()',
        'returns trigger, plpgsql, owned by migrator, security invoker, settings search_path="", '
        'executable by migrator'),
      ('function', 'public.update_user_progress_from_session()',
        'returns trigger, plpgsql, owned by migrator, security definer, settings search_path="", '
        'executable by migrator'),
      ('function', 'public.update_user_api_keys_updated_at()',
        'returns trigger, plpgsql, owned by migrator, security invoker, settings search_path="", '
        'executable by migrator'),
      ('function', 'public.update_export_history_updated_at()',
        'returns trigger, plpgsql, owned by migrator, security invoker, settings search_path="", '
        'executable by migrator'),
      ('body of', 'public.update_export_history_updated_at()',
        '5c189147bb2e34bc6bbae6cffcee19f079f2bc5934dc687ac3e5ecf6f54262e9'),
      ('body of', 'public.update_user_api_keys_updated_at()',
        '5c189147bb2e34bc6bbae6cffcee19f079f2bc5934dc687ac3e5ecf6f54262e9'),
      ('body of', 'public.update_user_progress_from_session()',
        '285bf7124c62791d0a0deccb2b233417b35e437a154149f5fbde3d6a4df0e807'),
      ('body of', 'public.update_user_progress_updated_at()',
        '5c189147bb2e34bc6bbae6cffcee19f079f2bc5934dc687ac3e5ecf6f54262e9'),
      -- 4 triggers.
      ('trigger', 'public.user_api_keys.trigger_user_api_keys_updated_at',
        'CREATE TRIGGER trigger_user_api_keys_updated_at BEFORE UPDATE ON public.user_api_keys '
        'FOR EACH ROW EXECUTE FUNCTION public.update_user_api_keys_updated_at()'),
      ('trigger', 'public.user_progress.trigger_user_progress_updated_at',
        'CREATE TRIGGER trigger_user_progress_updated_at BEFORE UPDATE ON public.user_progress '
        'FOR EACH ROW EXECUTE FUNCTION public.update_user_progress_updated_at()'),
      ('trigger', 'public.export_history.trigger_export_history_updated_at',
        'CREATE TRIGGER trigger_export_history_updated_at BEFORE UPDATE ON public.export_history '
        'FOR EACH ROW EXECUTE FUNCTION public.update_export_history_updated_at()'),
      ('trigger', 'public.sessions.trigger_update_user_progress_from_session',
        'CREATE TRIGGER trigger_update_user_progress_from_session AFTER UPDATE OF ended_at ON '
        'public.sessions FOR EACH ROW WHEN (((old.ended_at IS NULL) AND (new.ended_at IS NOT '
        'NULL))) EXECUTE FUNCTION public.update_user_progress_from_session()'),
      -- 12 policies, and 3 for migrator.
      ('policy', 'public.user_api_keys.user_api_keys_select_own',
        'for select to authenticated using (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.user_api_keys.user_api_keys_insert_own',
        'for insert to authenticated with check (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.user_api_keys.user_api_keys_update_own',
        'for update to authenticated using (( SELECT auth.uid() AS uid) = user_id) with check (( '
        'SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.user_api_keys.user_api_keys_delete_own',
        'for delete to authenticated using (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.user_progress.user_progress_insert_own',
        'for insert to authenticated with check (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.user_progress.user_progress_update_own',
        'for update to authenticated using (( SELECT auth.uid() AS uid) = user_id) with check (( '
        'SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.user_progress.user_progress_service',
        'for all to service_role using true with check true'),
      ('policy', 'public.user_progress.user_progress_select_own',
        'for select to authenticated using (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.user_progress.user_progress_migrator',
        'for all to migrator using true with check true'),
      ('policy', 'public.export_history.export_history_select_own',
        'for select to authenticated using (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.export_history.export_history_insert_own',
        'for insert to authenticated with check (( SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.export_history.export_history_update_own',
        'for update to authenticated using (( SELECT auth.uid() AS uid) = user_id) with check (( '
        'SELECT auth.uid() AS uid) = user_id)'),
      ('policy', 'public.export_history.export_history_service',
        'for all to service_role using true with check true'),
      ('policy', 'public.users.users_migrator', 'for select to migrator using true'),
      ('policy', 'public.sessions.sessions_migrator', 'for select to migrator using true'),
      -- Rights: all of the owner, and these.
      ('rights on', 'public.user_api_keys of authenticated', 'DELETE, SELECT'),
      ('rights on', 'public.user_api_keys of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.user_progress of authenticated', 'SELECT'),
      ('rights on', 'public.user_progress of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.user_progress of service_role', 'SELECT'),
      ('rights on', 'public.export_history of authenticated', 'SELECT'),
      ('rights on', 'public.export_history of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE'),
      ('rights on', 'public.export_history of service_role', 'DELETE, SELECT'),
      ('column rights on', 'public.user_api_keys of authenticated',
        'INSERT user_id, INSERT encrypted_keys, INSERT encryption_key_id, INSERT is_active, '
        'INSERT last_validated_at, UPDATE encrypted_keys, UPDATE encryption_key_id, UPDATE '
        'is_active, UPDATE last_validated_at'),
      ('column rights on', 'public.user_progress of authenticated',
        'INSERT user_id, INSERT preferences, UPDATE preferences'),
      ('column rights on', 'public.user_progress of service_role',
        'INSERT user_id, UPDATE achievements'),
      ('column rights on', 'public.export_history of authenticated',
        'INSERT user_id, INSERT export_type, INSERT format, INSERT filters, UPDATE filters'),
      ('column rights on', 'public.export_history of service_role',
        'INSERT user_id, INSERT export_type, INSERT format, INSERT filters, UPDATE status, UPDATE '
        'storage_bucket, UPDATE storage_key, UPDATE file_size_bytes, UPDATE row_count, UPDATE '
        'checksum_sha256, UPDATE error_message, UPDATE started_at, UPDATE completed_at, UPDATE '
        'expires_at, UPDATE download_count')
  ),
  -- What 004_export_lifecycle adds to these tables, and its verify file judges.
  later (kind, object) as (
    select added.*
    from (
      values
        ('index', 'public.idx_export_history_expires_at'),
        ('index', 'public.idx_export_history_storage'),
        ('policy', 'public.export_history.export_history_update_pending'),
        ('trigger', 'public.export_history.trigger_export_history_transition'),
        ('trigger', 'public.export_history.trigger_export_object_deletion')
    ) as added
    where to_regclass('public.export_archive') is not null
  ),
  tables as (
    select c.oid, c.relowner, c.relacl, format('%s.%s', n.nspname, c.relname) as name,
      c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public'
      and c.relname in ('user_api_keys', 'user_progress', 'export_history')
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
        'update_user_api_keys_updated_at', 'update_user_progress_updated_at',
        'update_export_history_updated_at', 'update_user_progress_from_session'
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
    from tables t
    join pg_catalog.pg_index i on i.indrelid = t.oid
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
        g.tgrelid::regclass::text = 'public.sessions'
        and g.tgname = 'trigger_update_user_progress_from_session'
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
      or (p.polrelid::regclass::text = 'public.users' and p.polname = 'users_migrator')
      or (p.polrelid::regclass::text = 'public.sessions' and p.polname = 'sessions_migrator')
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
      format('returns %s, %s, owned by %s, %s, settings %s, executable by %s',
        f.prorettype::regtype, l.lanname, pg_get_userbyid(f.proowner),
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
    select 'role', r.rolname,
      concat_ws(', ',
        case when r.rolsuper then 'a superuser' end,
        case when r.rolbypassrls then 'bypasses row level security' end)
    from pg_catalog.pg_roles r
    where r.rolname in ('migrator', 'app', 'anon', 'authenticated', 'service_role')
      and (r.rolsuper or r.rolbypassrls)
    union all
    select 'role', format('%s, member of %s', r.rolname, above.rolname),
      'can act as a role that row level security does not bind'
    from pg_catalog.pg_roles r
    join pg_catalog.pg_roles above
      on above.oid <> r.oid
      and (above.rolsuper or above.rolbypassrls or above.rolname = 'migrator')
    where r.rolname in ('app', 'anon', 'authenticated', 'service_role')
      and not r.rolsuper
      and pg_has_role(r.oid, above.oid, 'MEMBER')
    union all
    -- The roles of a request stand beside each other; service_role reads the rows of everybody.
    select 'role', format('%s, member of %s', r.rolname, above.rolname),
      'can act as another role of the application'
    from pg_catalog.pg_roles r
    join pg_catalog.pg_roles above
      on above.oid <> r.oid
      and above.rolname in (
        'app', 'anon', 'authenticated', 'service_role', 'service', 'monitor'
      )
    where r.rolname in ('anon', 'authenticated')
      and not r.rolsuper
      and pg_has_role(r.oid, above.oid, 'MEMBER')
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
  where e.definition is distinct from f.definition
    and not exists (select from later l where l.kind = f.kind and l.object = f.object);

  -- Users who came later get their row with their first key or session. Their created_at is when
  -- their transaction began: one that was still open when 001 passed by is not held against it.
  if problems is null then
    select count(*) into users_without_row
    from public.users u
    where u.created_at < (
        select min(p.created_at) - interval '5 minutes' from public.user_progress p
      )
      and not exists (select from public.user_progress p where p.user_id = u.id);
    if users_without_row > 0 then
      problems := array[format('public.user_progress has no row for %s users that are older '
        'than its oldest row by five minutes', users_without_row)];
    end if;
  end if;

  perform set_config('search_path', path, true);
  if problems is not null then
    raise exception E'SQL007 001_add_missing_tables does not hold (problems: %).\n- %',
      cardinality(problems), array_to_string(problems, E'\n- ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Undo what was changed by hand, or apply 001_add_missing_tables.sql again: it '
          'restores policies, rights, functions, triggers and missing indexes.';
  end if;
end
$verify$;
