-- Purpose   Raise unless users, sessions and auth.uid() are what 001 builds on. Lists all that is
--           missing, of another type, owned by somebody else or readable past row level security,
--           in one message. Of a table that 000 did not make, these may be more: columns and
--           rights on them, constraints, indexes, triggers, and policies that only restrict.
-- Requires  role migrator
-- Hazards   none: writes nothing
-- Rollback  loses nothing

do $verify$
declare
  mark constant text := '%Made by 000_existing_schema.';
  path constant text := current_setting('search_path');
  claims constant text := current_setting('request.jwt.claims', true);
  problems text[];
  believes_claims boolean := true;
  probe record;
  given uuid;
begin
  -- An expression is printed with the schema of each name only while that is not on the path.
  perform set_config('search_path', '', true);

  with expected (kind, object, definition, is_required) as (
    values
      ('schema', 'public', 'owned by migrator', true),
      ('schema', 'auth', 'owned by migrator', true),
      ('rights on schema', 'public of authenticated', 'USAGE', true),
      ('rights on schema', 'public of service_role', 'USAGE', true),
      ('rights on schema', 'auth of authenticated', 'USAGE', true),
      ('rights on schema', 'auth of service_role', 'USAGE', true),
      ('function', 'auth.uid()',
        'returns uuid, owned by migrator, stable, security invoker, search_path pinned, '
        'executable by authenticated, migrator, service_role', true),
      ('table', 'public.users', 'owned by migrator, row level security, forced', true),
      ('column', 'public.users.id', 'uuid not null default gen_random_uuid()', true),
      ('column', 'public.users.email', 'text not null', true),
      ('column', 'public.users.created_at',
        'timestamp with time zone not null default now()', true),
      ('column', 'public.users.updated_at',
        'timestamp with time zone not null default now()', true),
      -- Constraints and indexes are known by what they do: an application has its own names.
      ('constraint', 'public.users: PRIMARY KEY (id)', 'valid', true),
      ('constraint', 'public.users: UNIQUE (email)', 'valid', true),
      ('index', 'public.users: UNIQUE btree (id)', 'valid', true),
      ('index', 'public.users: UNIQUE btree (email)', 'valid', true),
      ('policy', 'public.users.users_select_own',
        'for select to authenticated using (( SELECT auth.uid() AS uid) = id)', true),
      ('policy', 'public.users.users_insert_own',
        'for insert to authenticated with check (( SELECT auth.uid() AS uid) = id)', true),
      ('rights on', 'public.users of authenticated', 'SELECT', true),
      ('rights on', 'public.users of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE', true),
      ('rights on', 'public.users.id of authenticated', 'INSERT', true),
      ('rights on', 'public.users.email of authenticated', 'INSERT', true),
      ('table', 'public.sessions', 'owned by migrator, row level security, forced', true),
      ('column', 'public.sessions.id', 'uuid not null default gen_random_uuid()', true),
      ('column', 'public.sessions.user_id', 'uuid not null', true),
      ('column', 'public.sessions.started_at', 'timestamp with time zone not null', true),
      ('column', 'public.sessions.ended_at', 'timestamp with time zone', true),
      ('column', 'public.sessions.descriptions_count', 'integer not null default 0', true),
      ('column', 'public.sessions.images_count', 'integer not null default 0', true),
      ('column', 'public.sessions.questions_count', 'integer not null default 0', true),
      ('column', 'public.sessions.vocabulary_count', 'integer not null default 0', true),
      ('column', 'public.sessions.created_at',
        'timestamp with time zone not null default now()', true),
      ('constraint', 'public.sessions: PRIMARY KEY (id)', 'valid', true),
      ('constraint',
        'public.sessions: FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE',
        'valid', true),
      ('constraint',
        'public.sessions: CHECK ((LEAST(descriptions_count, images_count, questions_count, '
        'vocabulary_count) >= 0))', 'valid', true),
      ('constraint',
        'public.sessions: CHECK ((isfinite(started_at) AND isfinite(ended_at) AND '
        '(ended_at >= started_at)))', 'valid', true),
      ('index', 'public.sessions: UNIQUE btree (id)', 'valid', true),
      ('index', 'public.sessions: btree (user_id, ended_at)', 'valid', true),
      ('policy', 'public.sessions.sessions_select_own',
        'for select to authenticated using (( SELECT auth.uid() AS uid) = user_id)', true),
      ('policy', 'public.sessions.sessions_insert_own',
        'for insert to authenticated with check (( SELECT auth.uid() AS uid) = user_id)', true),
      ('policy', 'public.sessions.sessions_update_own',
        'for update to authenticated using ((( SELECT auth.uid() AS uid) = user_id) AND '
        '(ended_at IS NULL)) with check (( SELECT auth.uid() AS uid) = user_id)', true),
      ('rights on', 'public.sessions of authenticated', 'SELECT', true),
      ('rights on', 'public.sessions of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE', true),
      ('rights on', 'public.sessions.id of authenticated', 'INSERT', true),
      ('rights on', 'public.sessions.user_id of authenticated', 'INSERT', true),
      ('rights on', 'public.sessions.started_at of authenticated', 'INSERT', true),
      ('rights on', 'public.sessions.ended_at of authenticated', 'UPDATE', true),
      ('rights on', 'public.sessions.descriptions_count of authenticated', 'UPDATE', true),
      ('rights on', 'public.sessions.images_count of authenticated', 'UPDATE', true),
      ('rights on', 'public.sessions.questions_count of authenticated', 'UPDATE', true),
      ('rights on', 'public.sessions.vocabulary_count of authenticated', 'UPDATE', true),
      -- Made by 000 only, where each name and the order of columns are its own, too.
      ('name', 'public.users (id, email, created_at, updated_at)', 'columns in order', false),
      ('name',
        'public.sessions (id, user_id, started_at, ended_at, descriptions_count, images_count, '
        'questions_count, vocabulary_count, created_at)', 'columns in order', false),
      ('name', 'public.idx_sessions_user_id', 'index', false),
      ('name', 'public.sessions_pkey', 'index', false),
      ('name', 'public.users_email_key', 'index', false),
      ('name', 'public.users_pkey', 'index', false),
      ('body of', 'auth.uid()',
        '588068ed63c51a1af51cc0b6addeeabc0a96d16451e6c6097e40bae7e1d86c42', false),
      -- Of 007, where that is applied, with the right that it gives.
      ('policy', 'public.users.users_delete_own',
        'for delete to authenticated using (( SELECT auth.uid() AS uid) = id)', false),
      -- Of 001, where that is applied.
      ('policy', 'public.users.users_migrator', 'for select to migrator using true', false),
      ('policy', 'public.sessions.sessions_migrator', 'for select to migrator using true', false),
      ('trigger', 'public.sessions.trigger_update_user_progress_from_session',
        'CREATE TRIGGER trigger_update_user_progress_from_session AFTER UPDATE OF ended_at ON '
        'public.sessions FOR EACH ROW WHEN (((old.ended_at IS NULL) AND (new.ended_at IS NOT '
        'NULL))) EXECUTE FUNCTION public.update_user_progress_from_session()', false)
  ),
  tables as (
    select c.oid, c.relowner, c.relacl, format('%s.%s', n.nspname, c.relname) as name,
      c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
      coalesce(obj_description(c.oid, 'pg_class') like mark, false) as is_made
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relname in ('users', 'sessions')
  ),
  columns as (
    select
      t.oid, t.name, t.is_made, a.attname, a.attnum, a.attacl, a.attnotnull, a.attgenerated,
      format_type(a.atttypid, a.atttypmod) as type,
      regexp_replace(pg_get_expr(d.adbin, d.adrelid), '\s+', ' ', 'g') as expression
    from tables t
    join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_catalog.pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  ),
  identity as (
    select p.*, coalesce(obj_description(p.oid, 'pg_proc') like mark, false) as is_made
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'auth' and p.proname = 'uid' and p.pronargs = 0
  ),
  -- What may be more is tolerated; it matters only where the contract names it.
  facts (kind, object, definition, is_tolerated) as (
    select 'schema', n.nspname::text,
      -- pg_database_owner is whoever owns the database.
      format('owned by %s', pg_get_userbyid(
        case n.nspowner when 'pg_database_owner'::regrole then db.datdba else n.nspowner end)),
      false
    from pg_catalog.pg_namespace n
    join pg_catalog.pg_database db on db.datname = current_database()
    where n.nspname in ('public', 'auth')
    union all
    select 'rights on schema', format('%s of %s', n.nspname, coalesce(r.rolname, 'PUBLIC')),
      string_agg(acl.privilege_type, ', ' order by acl.privilege_type), false
    from pg_catalog.pg_namespace n
    cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    where n.nspname in ('public', 'auth') and acl.grantee <> n.nspowner
    group by n.nspname, r.rolname
    union all
    select 'function', 'auth.uid()',
      format('returns %s, owned by %s, %s, %s, search_path %s, executable by %s',
        i.prorettype::regtype, pg_get_userbyid(i.proowner),
        case i.provolatile when 's' then 'stable' when 'i' then 'immutable' else 'volatile' end,
        case when i.prosecdef then 'security definer' else 'security invoker' end,
        case when exists (select from unnest(i.proconfig) s where s like 'search_path=%')
          then 'pinned' else 'not pinned' end,
        (
          select string_agg(coalesce(r.rolname, 'PUBLIC'), ', ' order by r.rolname)
          from aclexplode(coalesce(i.proacl, acldefault('f', i.proowner))) acl
          left join pg_catalog.pg_roles r on r.oid = acl.grantee
        )),
      false
    from identity i
    union all
    select 'body of', 'auth.uid()', encode(sha256(convert_to(i.prosrc, 'UTF8')), 'hex'), false
    from identity i
    where i.is_made
    union all
    select 'table', t.name,
      concat_ws(', ',
        format('owned by %s', pg_get_userbyid(t.relowner)),
        case when t.relrowsecurity then 'row level security' else 'no row level security' end,
        case when t.relforcerowsecurity then 'forced' else 'not forced' end,
        case when t.relkind <> 'r' then format('kind %s', t.relkind) end,
        case when t.relpersistence <> 'p' then format('persistence %s', t.relpersistence) end),
      false
    from tables t
    union all
    select 'name', format('%s (%s)', c.name, string_agg(c.attname, ', ' order by c.attnum)),
      'columns in order', false
    from columns c
    where c.is_made
    group by c.name
    union all
    select 'name', i.indexrelid::regclass::text, 'index', false
    from tables t
    join pg_catalog.pg_index i on i.indrelid = t.oid
    where t.is_made
    union all
    select 'column', format('%s.%s', c.name, c.attname),
      concat_ws(' ', c.type,
        case when c.attnotnull then 'not null' end,
        case when c.attgenerated = 's' then 'generated'
          when c.expression is not null then 'default' end,
        c.expression),
      not c.is_made
    from columns c
    union all
    select 'constraint', format('%s: %s', t.name, replace(pg_get_constraintdef(k.oid),
      ' NOT VALID', '')), case when k.convalidated then 'valid' else 'not validated' end,
      not t.is_made
    from tables t
    join pg_catalog.pg_constraint k
      on k.conrelid = t.oid and k.contype in ('c', 'f', 'p', 'u', 'x')
    union all
    select 'index',
      format('%s: %s%s', t.name, case when i.indisunique then 'UNIQUE ' end,
        substring(pg_get_indexdef(i.indexrelid) from ' USING (.*)$')),
      case when bool_or(i.indisvalid and i.indisready and i.indislive)
        then 'valid' else 'INVALID' end,
      not bool_or(t.is_made)
    from tables t
    join pg_catalog.pg_index i on i.indrelid = t.oid
    group by 1, 2
    union all
    -- A trigger of the server's own counts when it was switched off: it enforces a foreign key.
    select 'trigger', format('%s.%s', t.name, g.tgname),
      concat_ws(' ',
        case g.tgenabled when 'O' then null when 'D' then 'DISABLED' else 'NOT ALWAYS' end,
        pg_get_triggerdef(g.oid)),
      not g.tgisinternal and not t.is_made
    from tables t
    join pg_catalog.pg_trigger g on g.tgrelid = t.oid and (not g.tgisinternal or g.tgenabled <> 'O')
    union all
    select 'policy', format('%s.%s', t.name, p.polname),
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
        'with check ' || pg_get_expr(p.polwithcheck, p.polrelid)),
      not p.polpermissive and not t.is_made
    from tables t
    join pg_catalog.pg_policy p on p.polrelid = t.oid
    union all
    select 'rights on', format('%s of %s', t.name, coalesce(r.rolname, 'PUBLIC')),
      string_agg(
        acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end,
        ', ' order by acl.privilege_type),
      false
    from tables t
    cross join aclexplode(coalesce(t.relacl, acldefault('r', t.relowner))) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    -- This one is 007's, whose verify file judges it.
    where not (
      t.name = 'public.users' and r.rolname = 'authenticated' and acl.privilege_type = 'DELETE'
      and exists (
        select from pg_catalog.pg_policy p
        where p.polrelid = t.oid and p.polname = 'users_delete_own'
      )
    )
    group by t.name, r.rolname
    union all
    select 'rights on', format('%s.%s of %s', c.name, c.attname, coalesce(r.rolname, 'PUBLIC')),
      string_agg(
        acl.privilege_type || case when acl.is_grantable then ' with grant option' else '' end,
        ', ' order by acl.privilege_type),
      not c.is_made
        and not exists (
          select from expected e where e.object = format('%s.%s', c.name, c.attname)
        )
    from columns c
    cross join aclexplode(c.attacl) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    group by c.name, c.attname, c.is_made, r.rolname
    union all
    -- Nothing of the following is expected: each row found is a way around the policies.
    select 'rule', format('%s.%s', t.name, w.rulename), pg_get_ruledef(w.oid), false
    from tables t
    join pg_catalog.pg_rewrite w on w.ev_class = t.oid
    union all
    select 'child table', h.inhrelid::regclass::text, format('of %s', t.name), false
    from tables t
    join pg_catalog.pg_inherits h on h.inhparent = t.oid
    union all
    select 'view', v.oid::regclass::text,
      format('reads %s with the rights of its owner', t.name), false
    from tables t
    join pg_catalog.pg_depend d
      on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid
      and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite w on w.oid = d.objid
    join pg_catalog.pg_class v on v.oid = w.ev_class and v.relkind = 'v'
    where not coalesce(v.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
    group by v.oid, t.name
    union all
    -- A temporary type or table is found before all others, by definer functions, too.
    select 'rights on database',
      format('%s of %s', db.datname, coalesce(r.rolname, 'PUBLIC')),
      string_agg(acl.privilege_type, ', ' order by acl.privilege_type), false
    from pg_catalog.pg_database db
    cross join aclexplode(coalesce(db.datacl, acldefault('d', db.datdba))) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    where db.datname = current_database()
      and acl.privilege_type <> 'CONNECT'
      and (
        acl.grantee = 0
        or r.rolname in ('app', 'anon', 'authenticated', 'service_role', 'service', 'monitor')
      )
    group by db.datname, r.rolname
    union all
    select 'default rights', format('%s of %s', d.oid, coalesce(r.rolname, 'PUBLIC')),
      format('%s on what %s creates', string_agg(acl.privilege_type, ', '),
        pg_get_userbyid(d.defaclrole)), false
    from pg_catalog.pg_default_acl d
    cross join aclexplode(d.defaclacl) acl
    left join pg_catalog.pg_roles r on r.oid = acl.grantee
    where acl.grantee = 0
      or r.rolname in ('app', 'anon', 'authenticated', 'service_role')
    group by d.oid, d.defaclrole, r.rolname
    union all
    select 'role', needed.name, 'missing', false
    from unnest(array['app', 'anon', 'authenticated', 'service_role']) as needed (name)
    where to_regrole(needed.name) is null
    union all
    select 'role', r.rolname,
      concat_ws(', ',
        case when r.rolsuper then 'a superuser' end,
        case when r.rolbypassrls then 'bypasses row level security' end),
      false
    from pg_catalog.pg_roles r
    where r.rolname in ('migrator', 'app', 'anon', 'authenticated', 'service_role')
      and (r.rolsuper or r.rolbypassrls)
    union all
    select 'role', format('%s, member of %s', r.rolname, above.rolname),
      'can act as a role that row level security does not bind', false
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
      'can act as another role of the application', false
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
    select 'role', r.rolname,
      format('bypasses row level security and has rights on %s', t.name), false
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
    select 'role', r.rolname, format('has rights on %s, and must have none', t.name), false
    from pg_catalog.pg_roles r
    cross join tables t
    where r.rolname in ('app', 'anon', 'service_role')
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
    and (f.kind is not null or e.is_required)
    and not (e.kind is null and f.is_tolerated);

  -- Whatever auth.uid() is made of, this is what it must do. Where it is missing or migrator may
  -- not call it, the list above says so.
  if exists (
    select from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'auth' and p.proname = 'uid' and p.pronargs = 0
      and has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute')
  ) then
    -- With the switch of 006 on, claims are not believed.
    if to_regprocedure('auth.tokens_required()') is not null then
      believes_claims := not auth.tokens_required();
    end if;
    for probe in
      select * from (
        values
          ('{"sub":"4d5c0ffe-0000-4000-8000-00000000000a"}',
            case when believes_claims then '4d5c0ffe-0000-4000-8000-00000000000a' end),
          ('', null), ('no JSON', null), ('[]', null), ('"text"', null), ('{}', null),
          ('{"sub":null}', null), ('{"sub":"no UUID"}', null), ('{"sub":"\u0000"}', null)
      ) as probes (claims, required)
    loop
      begin
        perform set_config('request.jwt.claims', probe.claims, true);
        given := auth.uid();
        if given is distinct from probe.required::uuid then
          problems := problems || format('auth.uid() gives %s for the claims %s, and must give %s',
            coalesce(given::text, 'null'), quote_literal(probe.claims),
            coalesce(probe.required, 'null'));
        end if;
      exception when others then
        problems := problems || format('auth.uid() fails for the claims %s, and must give %s: %s',
          quote_literal(probe.claims), coalesce(probe.required, 'null'), sqlerrm);
      end;
    end loop;
    perform set_config('request.jwt.claims', coalesce(claims, ''), true);
  end if;

  perform set_config('search_path', path, true);
  if problems is not null then
    raise exception E'SQL007 000_existing_schema does not hold (problems: %).\n- %',
      cardinality(problems), array_to_string(problems, E'\n- ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Where the application brought these objects, alter them as listed; '
          '000_existing_schema.sql shows how each is written.';
  end if;
end
$verify$;
