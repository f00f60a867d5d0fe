-- safe: the same with a comparison that null does not pass
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select public.add_for(:a, 'x')
-- proof: select count(*) from public.notes where user_id = :a
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body), update (body), delete on public.notes to authenticated;
create policy notes_migrator on public.notes for all to migrator using (true) with check (true);
create function public.add_for(p_user uuid, p_body text) returns void language plpgsql security definer set search_path = '' as $$
declare
  me uuid := auth.uid();
begin
  if me is null or p_user <> me or p_user is null then
    raise exception 'not allowed';
  end if;
  insert into public.notes (user_id, body) values (p_user, p_body);
end $$;
revoke all on function public.add_for(uuid, text) from public;
grant execute on function public.add_for(uuid, text) to authenticated;
