-- Purpose   Undo 007_vault_and_erasure: take its rights and policies back.
-- Requires  role migrator, as owner
-- Hazards   changes access: API keys are no longer rotated or validated, and no user deletes their
--           account
-- Loses     nothing: only rights change

drop function if exists public.users_after(uuid, integer);

-- One block: the table is gone where 000 was rolled back by hand before.
do $$
begin
  if to_regclass('public.users') is not null then
    revoke delete on public.users from authenticated;
    drop policy if exists users_delete_own on public.users;
  end if;
end
$$;
