-- Purpose   Figures of statements, triggers, tables, indexes, transaction ids and waiting locks,
--           and of how well row level security holds, for the role monitor, which reads no row of
--           any user.
-- Requires  000_existing_schema, applied and verified; roles migrator, monitor, app, anon,
--           authenticated and service_role
-- Hazards   changes access to its own objects
-- Rollback  loses nothing: all of it is read from what the server counts

-- 1. Prerequisites.
do $$
declare
  missing text;
begin
  select string_agg(needed.name, ', ' order by needed.position) into missing
  from unnest(array['migrator', 'monitor', 'app', 'anon', 'authenticated', 'service_role'])
    with ordinality as needed (name, position)
  where not exists (select from pg_catalog.pg_roles r where r.rolname = needed.name);

  if missing is not null then
    raise exception 'SQL001 005_monitoring needs roles that do not exist: %.', missing
      using errcode = 'undefined_object',
        hint = 'Create the roles first; the stack does that before it runs migrations.';
  end if;
  if current_user <> 'migrator' then
    raise exception 'SQL002 005_monitoring was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Whoever creates a view owns it. Connect as migrator and run the file again.';
  end if;
  if to_regclass('public.users') is null then
    raise exception 'SQL006 005_monitoring needs public.users.'
      using errcode = 'undefined_table',
        hint = 'Apply 000_existing_schema.sql and run 000_existing_schema_verify.sql first.';
  end if;
end
$$;

-- 2. A schema of its own, so that monitor needs no right on any other.
create schema if not exists monitoring;

-- 3. Functions that read what monitor may not, with their owner's rights. None takes an argument,
-- and none gives a value of a row: names, numbers, and statements whose constants are parameters.
create or replace function monitoring.read_statements()
returns table (
  role text,
  statement text,
  calls bigint,
  rows bigint,
  total_ms double precision,
  mean_ms double precision,
  longest_ms double precision,
  blocks_cached bigint,
  blocks_read bigint
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  -- The extension may be in any schema.
  place constant text := (
    select format('%I.pg_stat_statements', n.nspname)
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements'
  );
begin
  -- The setting is there when the server has loaded the library.
  if place is null or to_regclass(place) is null
    or current_setting('pg_stat_statements.max', true) is null
  then
    return;
  end if;
  return query execute format(
    $query$
      select
        r.rolname::text,
        -- Constants of these are replaced by $1, $2, …; those of others, such as SET, are not,
        -- nor always where the server was short of room: a quoted one could be a user's, as could
        -- a comment, which is kept as it is.
        case
          when s.query ~* '^\s*(select|with|insert|update|delete|merge)\s'
            and s.query !~ '''|\$[[:alpha:]_]*\$|--|/\*'
          then left(s.query, 2000)
          else '(not shown)'
        end,
        s.calls, s.rows, s.total_exec_time, s.mean_exec_time, s.max_exec_time,
        s.shared_blks_hit, s.shared_blks_read
      from %s s
      join pg_catalog.pg_database d on d.oid = s.dbid and d.datname = current_database()
      left join pg_catalog.pg_roles r on r.oid = s.userid
      order by s.total_exec_time desc
      limit 200
    $query$, place);
end
$$;

create or replace function monitoring.read_waits()
returns table (
  pid integer,
  role text,
  waits_for text,
  relation text,
  waiting_ms double precision,
  blocked_by integer[]
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    l.pid,
    a.usename::text,
    l.mode,
    l.relation::regclass::text,
    extract(epoch from clock_timestamp() - l.waitstart)::double precision * 1000,
    pg_blocking_pids(l.pid)
  from pg_catalog.pg_locks l
  join pg_catalog.pg_database d on d.datname = current_database()
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
  where not l.granted and coalesce(nullif(l.database, 0), d.oid) = d.oid
$$;

-- What the migrations made, by the migrator's log, beside what is there: a policy, a right or a
-- function that protects and differs was changed by something else. The log holds SQL, and is for
-- its owner alone.
create or replace function monitoring.read_changes()
returns table (
  object text,
  change text
)
language plpgsql
stable
security definer
-- An expression is printed with the schema of each name only while that is not on the path.
set search_path = ''
-- To print it takes a lock on the policy's table, which somebody may be changing.
set lock_timeout = '1s'
as $$
#variable_conflict use_column
begin
  if to_regclass('migrations.log') is null then
    return;
  end if;
  return query
  with logged as (
    select l.id::numeric as position, 0::bigint as step, c.key, c.value
    from migrations.log l
    cross join jsonb_each(l.catalog_changes) c
    union all
    -- The steps of a migration that is half done: of one that is done, the log has what they come
    -- to. What was entered into the log after a step was changed after it.
    select
      (select max(l.id) + 0.5 from migrations.log l where l.recorded_at <= j.recorded_at),
      j.id, c.key, c.value
    from migrations.journal j
    join migrations.log b on b.id = j.run
    cross join jsonb_each(j.catalog_changes) c
    -- Step 0 is what was there before the first migration.
    where j.step > 0
      and not exists (
        select from migrations.log f
        where f.version = b.version and f.id > b.id and f.applied is not null
          and f.event not in ('begin apply', 'begin rollback')
      )
  ),
  made as (
    select distinct on (l.key) l.key, l.value
    from logged l
    order by l.key, l.position desc, l.step desc
  ),
  expected as (
    select m.key, jsonb_strip_nulls(jsonb_build_object(
      'owner', m.value -> 'owner', 'grants', m.value -> 'grants',
      'rowSecurity', m.value -> 'rowSecurity', 'forced', m.value -> 'forced',
      'securityInvoker', m.value -> 'securityInvoker',
      'securityDefiner', m.value -> 'securityDefiner', 'settings', m.value -> 'settings',
      'sourceSha256', m.value -> 'sourceSha256',
      'command', m.value -> 'command', 'permissive', m.value -> 'permissive',
      'roles', m.value -> 'roles', 'using', m.value -> 'using', 'check', m.value -> 'check'
    )) as fact
    from made m
    where jsonb_typeof(m.value) = 'object' and not m.value ? 'extension'
      and m.key ~ '^(policy|function|table|view|materialized view|schema) '
  ),
  namespaces as (
    select n.* from pg_catalog.pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  ),
  -- What came with an extension is a superuser's, and no migration's; what its owner added to it
  -- later is the owner's.
  of_extensions as (
    select d.classid, d.objid
    from pg_catalog.pg_depend d
    left join pg_catalog.pg_class c
      on d.classid = 'pg_catalog.pg_class'::regclass and c.oid = d.objid
    left join pg_catalog.pg_proc p
      on d.classid = 'pg_catalog.pg_proc'::regclass and p.oid = d.objid
    join pg_catalog.pg_roles r on r.oid = coalesce(c.relowner, p.proowner) and r.rolsuper
    where d.refclassid = 'pg_catalog.pg_extension'::regclass
      and d.deptype = 'e' and d.objsubid = 0
  ),
  relations as (
    select c.*, format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join namespaces n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm')
      and not exists (
        select from of_extensions x
        where x.classid = 'pg_catalog.pg_class'::regclass and x.objid = c.oid
      )
  ),
  rights as (
    select x.classid, x.objid, x.owner, x.columns, acl.*
    from (
      select 'pg_catalog.pg_class'::regclass as classid, r.oid as objid, r.relowner as owner,
        '' as columns, r.relacl as acl
      from relations r
      union all
      select 'pg_catalog.pg_class'::regclass, r.oid, r.relowner, format(' (%I)', a.attname),
        a.attacl
      from relations r
      join pg_catalog.pg_attribute a on a.attrelid = r.oid and not a.attisdropped
      where a.attacl is not null
      union all
      select 'pg_catalog.pg_proc'::regclass, p.oid, p.proowner, '',
        coalesce(p.proacl, acldefault('f', p.proowner))
      from pg_catalog.pg_proc p
      join namespaces n on n.oid = p.pronamespace
      union all
      select 'pg_catalog.pg_namespace'::regclass, n.oid, n.nspowner, '',
        coalesce(n.nspacl, acldefault('n', n.nspowner))
      from namespaces n
    ) x
    cross join aclexplode(x.acl) acl
    where acl.grantee <> x.owner
  ),
  grants as (
    select g.classid, g.objid, jsonb_object_agg(g.grantee, g.privileges) as grants
    from (
      select
        r.classid, r.objid,
        case r.grantee when 0 then 'public' else pg_get_userbyid(r.grantee) end as grantee,
        jsonb_agg(distinct (
          lower(r.privilege_type) || r.columns
            || case when r.is_grantable then ' with grant option' else '' end
        ) collate "C") as privileges
      from rights r
      group by r.classid, r.objid, r.grantee
    ) g
    group by g.classid, g.objid
  ),
  live as (
    select
      case r.relkind when 'v' then 'view ' when 'm' then 'materialized view ' else 'table ' end
        || r.name as key,
      jsonb_strip_nulls(jsonb_build_object(
        'owner', pg_get_userbyid(r.relowner), 'grants', coalesce(g.grants, '{}'),
        'rowSecurity', case when r.relkind in ('r', 'p', 'f') then r.relrowsecurity end,
        'forced', case when r.relkind in ('r', 'p', 'f') then r.relforcerowsecurity end,
        'securityInvoker', case when r.relkind in ('v', 'm') then exists (
          select from pg_options_to_table(r.reloptions) o
          where o.option_name = 'security_invoker' and o.option_value::boolean
        ) end
      )) as fact
    from relations r
    left join grants g on g.classid = 'pg_catalog.pg_class'::regclass and g.objid = r.oid
    union all
    select format('policy %s.%I', r.name, p.polname),
      jsonb_strip_nulls(jsonb_build_object(
        'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert'
          when 'w' then 'update' when 'd' then 'delete' else 'all' end,
        'permissive', p.polpermissive,
        'roles', (
          select jsonb_agg(m.name order by m.name collate "C")
          from (
            select case u.oid when 0 then 'public' else pg_get_userbyid(u.oid) end as name
            from unnest(p.polroles) as u (oid)
          ) m
        ),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid)
      ))
    from relations r
    join pg_catalog.pg_policy p on p.polrelid = r.oid
    union all
    select format('function %s', p.oid::regprocedure),
      jsonb_strip_nulls(jsonb_build_object(
        'owner', pg_get_userbyid(p.proowner), 'grants', coalesce(g.grants, '{}'),
        'securityDefiner', p.prosecdef,
        'settings', (
          select jsonb_agg(s.setting order by s.setting collate "C")
          from unnest(p.proconfig) as s (setting)
        ),
        'sourceSha256', encode(sha256(convert_to(concat_ws(E'\n', p.probin,
          coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)), 'UTF8')), 'hex')
      ))
    from pg_catalog.pg_proc p
    join namespaces n on n.oid = p.pronamespace
    left join grants g on g.classid = 'pg_catalog.pg_proc'::regclass and g.objid = p.oid
    where not exists (
      select from of_extensions x
      where x.classid = 'pg_catalog.pg_proc'::regclass and x.objid = p.oid
    )
    union all
    select format('schema %I', n.nspname),
      jsonb_build_object(
        'owner', pg_get_userbyid(n.nspowner), 'grants', coalesce(g.grants, '{}'))
    from namespaces n
    left join grants g on g.classid = 'pg_catalog.pg_namespace'::regclass and g.objid = n.oid
  )
  select
    coalesce(e.key, l.key),
    case
      when l.key is null then 'removed'
      when e.key is null then 'added'
      else 'changed: ' || (
        select string_agg(f.field, ', ' order by f.field collate "C")
        from (
          select jsonb_object_keys(e.fact) as field
          union
          select jsonb_object_keys(l.fact)
        ) f
        where (e.fact -> f.field) is distinct from (l.fact -> f.field)
      )
    end
  from expected e
  full join live l on l.key = e.key
  where e.fact is distinct from l.fact
    -- Functions that no policy asks have only the rights of who calls them.
    and (
      coalesce(e.key, l.key) !~ '^function (?!auth\.)'
      or coalesce(e.key, l.key) in (
        select format('function %s', d.refobjid::regprocedure)
        from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_policy'::regclass
          and d.refclassid = 'pg_catalog.pg_proc'::regclass
      )
      or 'true' in (e.fact ->> 'securityDefiner', l.fact ->> 'securityDefiner')
      or (e.fact -> 'grants') is distinct from (l.fact -> 'grants')
    )
  order by 1;
exception when lock_not_available then
  return query select
    'all of it', 'not compared: somebody is changing a table that has policies, see waiting_locks';
end
$$;

-- 4. Views, of catalogs that every role may read, with the rights of who asks.
create or replace view monitoring.statements
with (security_invoker = true) as
select * from monitoring.read_statements();

create or replace view monitoring.waiting_locks
with (security_invoker = true) as
select * from monitoring.read_waits();

create or replace view monitoring.changed_protection
with (security_invoker = true) as
select * from monitoring.read_changes();

create or replace view monitoring.tables_without_row_security
with (security_invoker = true) as
select
  n.nspname::text as schema,
  c.relname::text as name,
  c.relrowsecurity as enabled,
  c.relforcerowsecurity as forced
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not (c.relrowsecurity and c.relforcerowsecurity);

create or replace view monitoring.tables
with (security_invoker = true) as
select
  t.schemaname::text as schema,
  t.relname::text as name,
  t.n_live_tup as live_rows,
  t.n_dead_tup as dead_rows,
  round(t.n_dead_tup / nullif(t.n_live_tup + t.n_dead_tup, 0)::numeric, 3) as dead_share,
  z.heap_bytes,
  z.index_bytes,
  z.total_bytes,
  round(z.heap_bytes::numeric
    * t.n_dead_tup / nullif(t.n_live_tup + t.n_dead_tup, 0)) as dead_bytes,
  round(z.heap_bytes::numeric / nullif(t.n_live_tup, 0), 1) as heap_bytes_per_row,
  t.seq_scan as sequential_scans,
  t.seq_tup_read as sequential_rows,
  t.idx_scan as index_scans,
  t.n_tup_ins as inserted,
  t.n_tup_upd as updated,
  t.n_tup_del as deleted,
  greatest(t.last_vacuum, t.last_autovacuum) as vacuumed_at,
  greatest(t.last_analyze, t.last_autoanalyze) as analyzed_at,
  age(c.relfrozenxid) as transaction_age
from pg_catalog.pg_stat_user_tables t
join pg_catalog.pg_class c on c.oid = t.relid
left join lateral (
  select
    pg_relation_size(t.relid) as heap_bytes,
    pg_indexes_size(t.relid) as index_bytes,
    pg_total_relation_size(t.relid) as total_bytes
  -- A size takes a lock on the table and its indexes: it would wait for who changes one of them.
  where not exists (
    select from pg_catalog.pg_locks l
    join pg_catalog.pg_database d on d.oid = l.database and d.datname = current_database()
    left join pg_catalog.pg_index i on i.indexrelid = l.relation
    where l.mode = 'AccessExclusiveLock' and t.relid in (l.relation, i.indrelid)
  )
) z on true;

create or replace view monitoring.indexes
with (security_invoker = true) as
select
  s.schemaname::text as schema,
  s.relname::text as table_name,
  s.indexrelname::text as name,
  z.bytes,
  case when c.reltuples > 0 then round(z.bytes / c.reltuples::numeric, 1) end as bytes_per_entry,
  s.idx_scan as scans,
  s.idx_tup_read as entries_read,
  s.last_idx_scan as scanned_at,
  i.indisunique as is_unique,
  i.indisvalid as is_valid
from pg_catalog.pg_stat_user_indexes s
join pg_catalog.pg_index i on i.indexrelid = s.indexrelid
join pg_catalog.pg_class c on c.oid = s.indexrelid
left join lateral (
  select pg_relation_size(s.indexrelid) as bytes
  where not exists (
    select from pg_catalog.pg_locks l
    join pg_catalog.pg_database d on d.oid = l.database and d.datname = current_database()
    where l.mode = 'AccessExclusiveLock' and l.relation = s.indexrelid
  )
) z on true;

create or replace view monitoring.triggers
with (security_invoker = true) as
select
  n.nspname::text as schema,
  c.relname::text as table_name,
  g.tgname::text as name,
  g.tgfoid::regprocedure::text as function,
  g.tgenabled <> 'D' as is_enabled,
  f.calls,
  f.total_time as total_ms,
  f.self_time as self_ms,
  f.total_time / nullif(f.calls, 0) as mean_ms
from pg_catalog.pg_trigger g
join pg_catalog.pg_class c on c.oid = g.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_stat_user_functions f on f.funcid = g.tgfoid
where not g.tgisinternal;

create or replace view monitoring.transaction_ids
with (security_invoker = true) as
select
  h.holder, h.name, h.transactions,
  -- Of the 2 billion after which the server stops accepting writes.
  round(h.transactions / 2147483648::numeric, 4) as share_of_limit
from (
  select 'database' as holder, d.datname::text as name, age(d.datfrozenxid) as transactions
  from pg_catalog.pg_database d
  union all
  select 'prepared transaction', p.gid, age(p.transaction)
  from pg_catalog.pg_prepared_xacts p
  union all
  select 'replication slot', s.slot_name::text, age(coalesce(s.xmin, s.catalog_xmin))
  from pg_catalog.pg_replication_slots s
  where coalesce(s.xmin, s.catalog_xmin) is not null
) h;

create or replace view monitoring.notes
with (security_invoker = true) as
select n.figure, n.note
from (
  values
    ('statements',
      case
        when not exists (
          select from pg_catalog.pg_extension e where e.extname = 'pg_stat_statements'
        ) then
          'pg_stat_statements is not installed in this database: nothing is counted. A role that '
          'may creates the extension, on RDS the master; see docs/migrations/005-monitoring.md.'
        when current_setting('pg_stat_statements.max', true) is null then
          'pg_stat_statements is not in shared_preload_libraries: nothing is counted. Add it and '
          'restart the server.'
        when not pg_has_role('migrator', 'pg_read_all_stats', 'usage') then
          'migrator is no member of pg_read_all_stats: what other roles ran is counted, and its '
          'text is not shown. Grant pg_monitor to migrator.'
      end),
    ('triggers',
      case when current_setting('track_functions') = 'none' then
        'track_functions is none: neither calls nor time of triggers are counted. Set it to pl.'
      end),
    ('changed_protection',
      case when not exists (
        select from pg_catalog.pg_class c
        join pg_catalog.pg_namespace s on s.oid = c.relnamespace
        where s.nspname = 'migrations' and c.relname = 'log'
      ) then
        'there is no migrations.log: the migrations were not applied by the migrator, so what they '
        'made is not known. Run npx migrator baseline.'
      end),
    ('denied_statements',
      'PostgreSQL counts no statement that it denies. Its log has each with role and table: count '
      'the lines with "permission denied for" and "violates row-level security policy" there.')
) as n (figure, note)
where n.note is not null;

-- 5. All of it, for a job that ships it.
create or replace function monitoring.report()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'taken_at', now(),
    'database', current_database(),
    'server_version', current_setting('server_version'),
    'counted_since', (
      select d.stats_reset from pg_catalog.pg_stat_database d where d.datname = current_database()
    ),
    'rolled_back_transactions', (
      select d.xact_rollback from pg_catalog.pg_stat_database d where d.datname = current_database()
    ),
    'notes', (select jsonb_object_agg(x.figure, x.note) from monitoring.notes x),
    'statements', (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.statements x),
    'triggers', (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.triggers x),
    'tables', (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.tables x),
    'indexes', (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.indexes x),
    'transaction_ids',
      (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.transaction_ids x),
    'waiting_locks',
      (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.waiting_locks x),
    'tables_without_row_security',
      (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.tables_without_row_security x),
    'changed_protection',
      (select coalesce(jsonb_agg(to_jsonb(x)), '[]') from monitoring.changed_protection x),
    'denied_statements', null
  )
$$;

-- 6. Grants: first none.
revoke all on schema monitoring from public, app, anon, authenticated, service_role, monitor;
revoke all on
  monitoring.statements, monitoring.waiting_locks, monitoring.changed_protection,
  monitoring.tables_without_row_security, monitoring.tables, monitoring.indexes,
  monitoring.triggers, monitoring.transaction_ids, monitoring.notes
  from public, app, anon, authenticated, service_role, monitor;
revoke all on function
  monitoring.read_statements(), monitoring.read_waits(), monitoring.read_changes(),
  monitoring.report()
  from public, app, anon, authenticated, service_role, monitor;

grant usage on schema monitoring to monitor;
grant select on
  monitoring.statements, monitoring.waiting_locks, monitoring.changed_protection,
  monitoring.tables_without_row_security, monitoring.tables, monitoring.indexes,
  monitoring.triggers, monitoring.transaction_ids, monitoring.notes
  to monitor;
grant execute on function
  monitoring.read_statements(), monitoring.read_waits(), monitoring.read_changes(),
  monitoring.report()
  to monitor;

-- 7. Comments.
comment on schema monitoring is 'Figures for the role monitor. Nothing in it is of a user.';
comment on function monitoring.report() is
  'All views of this schema as one JSON document, for a job that ships it.';
comment on view monitoring.statements is
  'The 200 statements of this database that took most time, since the counters were last reset. '
  'Empty where monitoring.notes says so.';
comment on column monitoring.statements.role is 'Whom it ran as, after SET ROLE.';
comment on column monitoring.statements.statement is
  'With $1, $2, … for its constants; "(not shown)" where it could hold a user''s.';
comment on column monitoring.statements.total_ms is 'Milliseconds of all calls.';
comment on column monitoring.statements.mean_ms is 'Milliseconds a call.';
comment on column monitoring.statements.longest_ms is 'Milliseconds of the longest call.';
comment on column monitoring.statements.blocks_cached is 'Blocks of 8 kB found in shared buffers.';
comment on column monitoring.statements.blocks_read is 'Blocks of 8 kB asked of the system.';
comment on view monitoring.waiting_locks is 'Locks that a session waits for now.';
comment on column monitoring.waiting_locks.waits_for is 'The mode of the lock.';
comment on column monitoring.waiting_locks.waiting_ms is
  'Milliseconds so far; null in the first moment.';
comment on column monitoring.waiting_locks.blocked_by is 'Process ids.';
comment on view monitoring.changed_protection is
  'Policies, rights on objects, owners, flags of row level security, definer functions, and '
  'functions of schema auth or that a policy asks, that are not as the migrations made them, by '
  'the migrator''s log. Empty after a deployment. Of roles, and of rights on sequences, on the '
  'database and by default, it tells nothing.';
comment on column monitoring.changed_protection.change is
  'added, removed, or changed with the fields.';
comment on view monitoring.tables_without_row_security is
  'Tables on which row level security is not enabled and forced. Always empty.';
comment on view monitoring.tables is
  'Size, dead rows and use of each table, since the counters were last reset.';
comment on column monitoring.tables.heap_bytes is
  'Null, as all sizes here, while somebody changes the table or waits to do so.';
comment on column monitoring.tables.live_rows is 'Estimated.';
comment on column monitoring.tables.dead_rows is
  'Estimated: versions of rows that nobody sees and vacuum has not removed.';
comment on column monitoring.tables.dead_share is 'dead_rows of all, 0 to 1.';
comment on column monitoring.tables.dead_bytes is
  'Estimated: the share of heap_bytes that dead rows take.';
comment on column monitoring.tables.heap_bytes_per_row is
  'Bytes. When it grows while rows stay alike, the table is bloated.';
comment on column monitoring.tables.transaction_age is
  'Transactions since its oldest row was frozen.';
comment on view monitoring.indexes is
  'Size and use of each index, since the counters were last reset.';
comment on column monitoring.indexes.bytes is
  'Null while somebody changes the index or waits to do so.';
comment on column monitoring.indexes.bytes_per_entry is
  'When it grows while entries stay alike, the index is bloated. Null before it was analyzed.';
comment on column monitoring.indexes.scans is '0 for long: nothing needs it but a constraint.';
comment on view monitoring.triggers is
  'Calls and time of each trigger''s function, since the counters were last reset; of all triggers '
  'that run it together. Null where monitoring.notes says so, or when it never ran.';
comment on column monitoring.triggers.total_ms is
  'Milliseconds, with what the function called.';
comment on column monitoring.triggers.self_ms is
  'Milliseconds, without other functions that it called.';
comment on column monitoring.triggers.mean_ms is 'Milliseconds a call.';
comment on view monitoring.transaction_ids is
  'How old the oldest transaction id is that something still needs.';
comment on column monitoring.transaction_ids.transactions is
  'Autovacuum of its own accord begins at autovacuum_freeze_max_age.';
comment on column monitoring.transaction_ids.share_of_limit is
  'Of 2^31, at which the server takes no more writes; 0 to 1.';
comment on view monitoring.notes is 'Figures that are not to be had here, and why.';
