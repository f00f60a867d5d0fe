-- Purpose   Undo 007_vault_and_erasure: take its rights and policies back.
-- Requires  role migrator, as owner
-- Hazards   changes access: API keys are no longer rotated or validated, and no user deletes their
--           account
-- Loses     nothing: only rights change

-- One block: the tables are gone where 001 was rolled back by hand before.
do $$
begin
  if to_regclass('public.users') is not null then
    revoke delete on public.users from authenticated;
    drop policy if exists users_delete_own on public.users;
  end if;
  if to_regclass('public.user_api_keys') is not null then
    revoke all on public.user_api_keys from service_role;
    drop policy if exists user_api_keys_service on public.user_api_keys;
  end if;
end
$$;
