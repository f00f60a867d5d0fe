-- Purpose   Raise unless 006_verified_identity holds exactly: nothing missing, nothing changed,
--           nothing wider and nothing more. Lists all that is wrong in one message. Of an
--           auth.uid() that 000 did not make, 000_existing_schema_verify.sql says what it must do;
--           where tokens are set up, the comments of users and sessions tell who made it, too.
-- Requires  role migrator
-- Hazards   none: writes nothing
-- Rollback  loses nothing

do $verify$
declare
  path constant text := current_setting('search_path');
  problems text[];
  has_tokens boolean := false;
begin
  -- An expression is printed with the schema of each name only while that is not on the path.
  perform set_config('search_path', '', true);

  if has_table_privilege(to_regclass('auth.token_settings'), 'select') then
    has_tokens := exists (select from auth.token_settings);
  end if;

  with expected (kind, object, definition) as (
    values
      ('table', 'auth.token_settings', 'owned by migrator, row level security, forced'),
      ('column', 'auth.token_settings.audience', '3 text not null'),
      ('column', 'auth.token_settings.believes_claims', '2 boolean not null'),
      ('column', 'auth.token_settings.current_pads', '4 bytea not null'),
      ('column', 'auth.token_settings.is_only_row', '1 boolean not null default true'),
      ('column', 'auth.token_settings.previous_pads', '5 bytea'),
      ('constraint', 'auth.token_settings.token_settings_audience_check',
        'CHECK ((audience ~ ''^[!-~]{1,200}$''::text))'),
      ('constraint', 'auth.token_settings.token_settings_is_only_row_check', 'CHECK (is_only_row)'),
      ('constraint', 'auth.token_settings.token_settings_pkey', 'PRIMARY KEY (is_only_row)'),
      ('index', 'auth.token_settings_pkey',
        'CREATE UNIQUE INDEX token_settings_pkey ON auth.token_settings USING btree '
        '(is_only_row)'),
      ('function', 'auth.tokens_required()',
        'returns boolean, plpgsql, stable, owned by migrator, security definer, settings '
        'search_path="", executable by authenticated, migrator, service_role'),
      ('function', 'auth.uid()',
        'returns uuid, plpgsql, stable, owned by migrator, security invoker, settings '
        'search_path="", executable by authenticated, migrator, service_role'),
      ('function', 'auth.verified_uid()',
        'returns uuid, plpgsql, stable, owned by migrator, security definer, settings '
        'search_path="", executable by authenticated, migrator, service_role'),
      ('body of', 'auth.tokens_required()',
        '50f789bbbc39095b0992975012fb8e4f7aa50becbd3751946da3dfd0df172af4'),
      ('body of', 'auth.uid()', 'aa02c9cfd065055e019e45f28f469ff778455233660d94fe7f708695a3da9aee'),
      ('body of', 'auth.verified_uid()',
        '1672d268b52db946accffe3cd5b75009f8caa42d7fff6b1e9e0513e54a919e95'),
      ('policy', 'auth.token_settings.token_settings_migrator',
        'for all to migrator using true with check true'),
      ('rights on', 'auth.token_settings of migrator',
        'DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE')
  ),
  tables as (
    select c.oid, c.relowner, c.relacl, format('%s.%s', n.nspname, c.relname) as name,
      c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'auth' and c.relname = 'token_settings'
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
    where p.pronamespace = to_regnamespace('auth')
      and p.proname in ('tokens_required', 'uid', 'verified_uid') and p.pronargs = 0
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
    join tables t on t.oid = i.indrelid
    union all
    select 'trigger', format('%s.%s', t.name, g.tgname), pg_get_triggerdef(g.oid)
    from pg_catalog.pg_trigger g
    join tables t on t.oid = g.tgrelid
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
    join tables t on t.oid = p.polrelid
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
    where r.rolname in ('app', 'anon', 'authenticated', 'service_role')
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
    -- The application's own is not replaced. 000 makes it with both tables or not at all, so that
    -- a comment that was taken off does not make it the application's.
    and (
      coalesce(e.object, f.object) <> 'auth.uid()'
      or obj_description(to_regprocedure('auth.uid()'), 'pg_proc') like '%000_existing_schema%'
      or has_tokens and concat(
        obj_description(to_regclass('public.users'), 'pg_class'),
        obj_description(to_regclass('public.sessions'), 'pg_class')
      ) like '%Made by 000_existing_schema.%'
    );

  perform set_config('search_path', path, true);
  if problems is not null then
    raise exception E'SQL007 006_verified_identity does not hold (problems: %).\n- %',
      cardinality(problems), array_to_string(problems, E'\n- ')
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Undo what was changed by hand, or apply 006_verified_identity.sql again: it '
          'restores policies, rights and functions, auth.uid() where its comment ends in "Made by '
          '000_existing_schema.".';
  end if;
end
$verify$;
