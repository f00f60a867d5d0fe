-- unsafe: a parameter that the column of its name hides
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select public.f(:a)
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.notes to authenticated;
create policy notes_migrator on public.notes
  for select to migrator
  using (true);
create function public.f(user_id uuid) returns bigint language sql security definer set search_path = ''
  as 'select count(*) from public.notes where user_id = user_id';
revoke all on function public.f(uuid) from public;
grant execute on function public.f(uuid) to authenticated;
