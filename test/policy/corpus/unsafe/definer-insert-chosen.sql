-- unsafe: a definer function that writes a row for the user it is told
-- as: authenticated a
-- query: select public.add_note(:b, 'forged')
-- proof: select count(*) from public.notes where user_id = :b
-- returns: 1

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
create function public.add_note(who uuid, words text) returns void language plpgsql security definer set search_path = '' as $$
declare
  target uuid := coalesce(who, auth.uid());
begin
  insert into public.notes (user_id, body) values (target, words);
end $$;
revoke all on function public.add_note(uuid, text) from public;
grant execute on function public.add_note(uuid, text) to authenticated;
