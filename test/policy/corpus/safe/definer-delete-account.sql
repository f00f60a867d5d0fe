-- safe: a definer function that deletes the caller's own account
-- on: 001
-- as: authenticated a
-- query: select public.delete_my_account()
-- proof: select count(*) from public.users
-- returns: 1

create policy users_migrator_delete on public.users for delete to migrator using (true);
create function public.delete_my_account() returns void language sql security definer set search_path = '' as $$
  delete from public.users where id = auth.uid()
$$;
revoke all on function public.delete_my_account() from public;
grant execute on function public.delete_my_account() to authenticated;
