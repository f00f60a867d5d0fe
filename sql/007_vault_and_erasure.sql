-- Purpose   The back office learns who has API keys and which KMS key wrapped them, never the
--           keys, so that it can rotate and validate them. Users may delete their own account.
-- Requires  001_add_missing_tables, applied and verified; role migrator; roles authenticated and
--           service_role
-- Hazards   changes access: users delete their own row of users, and all that is theirs with it
-- Rollback  loses nothing: only rights change

-- 1. Prerequisites.
do $$
declare
  missing text;
begin
  select string_agg(needed.name, ', ' order by needed.position) into missing
  from unnest(array['migrator', 'authenticated', 'service_role'])
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

-- 2. Row level security, before any grant. Dropped and created again, a policy that was changed by
-- hand is as written here.
drop policy if exists user_api_keys_service on public.user_api_keys;
create policy user_api_keys_service on public.user_api_keys
  for select to service_role
  using (true);
drop policy if exists users_delete_own on public.users;
create policy users_delete_own on public.users
  for delete to authenticated
  using ((select auth.uid()) = id);

-- 3. Grants. Whose keys are due, and no more: encrypted_keys is read by its user alone.
revoke all on public.user_api_keys from service_role;
grant select (user_id, encryption_key_id, is_active, last_validated_at, updated_at)
  on public.user_api_keys to service_role;
grant delete on public.users to authenticated;
