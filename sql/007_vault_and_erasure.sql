-- Purpose   The back office learns the ids of all users, and no more of them, so that jobs can work
--           for each user as that user. Users may delete their own account.
-- Requires  001_add_missing_tables, applied and verified; role migrator; roles app, anon,
--           authenticated and service_role
-- Hazards   changes access: users delete their own row of users, and all that is theirs with it
-- Rollback  loses nothing: only rights change

-- 1. Prerequisites.
do $$
declare
  missing text;
begin
  select string_agg(needed.name, ', ' order by needed.position) into missing
  from unnest(array['migrator', 'app', 'anon', 'authenticated', 'service_role'])
    with ordinality as needed (name, position)
  where not exists (select from pg_catalog.pg_roles r where r.rolname = needed.name);

  if missing is not null then
    raise exception 'SQL001 007_vault_and_erasure needs roles that do not exist: %.', missing
      using errcode = 'undefined_object',
        hint = 'Create the roles first; the stack does that before it runs migrations.';
  end if;
  if current_user <> 'migrator' then
    raise exception 'SQL002 007_vault_and_erasure was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Only the owner of a table gives rights on it. Connect as migrator and run the file '
          'again.';
  end if;
  if to_regclass('public.user_api_keys') is null then
    raise exception 'SQL006 007_vault_and_erasure needs public.user_api_keys.'
      using errcode = 'undefined_table',
        hint = 'Apply 001_add_missing_tables.sql and run 001_add_missing_tables_verify.sql first.';
  end if;
end
$$;

-- 2. Functions. With its owner's rights, because the back office has none on users: it gives ids
-- alone, a page at a time.
create or replace function public.users_after(last_id uuid, most integer default 100)
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select u.id
  from public.users u
  where u.id > last_id
  order by u.id
  limit most
$$;

-- 3. Row level security, before any grant. Dropped and created again, a policy that was changed by
-- hand is as written here.
drop policy if exists users_delete_own on public.users;
create policy users_delete_own on public.users
  for delete to authenticated
  using ((select auth.uid()) = id);

-- 4. Grants.
revoke all on function public.users_after(uuid, integer)
  from public, app, anon, authenticated, service_role;
grant execute on function public.users_after(uuid, integer) to service_role;
grant delete on public.users to authenticated;

-- 5. Comments.
comment on function public.users_after(uuid, integer) is
  'Ids of users in their order, from the one after an id; for jobs, which then work as each user.';
