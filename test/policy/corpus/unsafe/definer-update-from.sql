-- unsafe: an update whose condition binds the other table, not the one that is changed
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select public.blank()
-- proof: select count(*) from public.notes where body = ''
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
create policy users_migrator_own on public.users for select to migrator using (true);
create function public.blank() returns void language sql security definer set search_path = '' as $$
  update public.notes n set body = '' from public.users u where u.id = auth.uid()
$$;
revoke all on function public.blank() from public;
grant execute on function public.blank() to authenticated;
