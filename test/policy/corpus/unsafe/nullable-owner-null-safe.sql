-- unsafe: rows without an owner are seen by nobody signed in
-- rows: insert into public.notes (user_id) values (null), (:b)
-- as: authenticated -
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references public.users (id),
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) is not distinct from user_id);
grant select on public.notes to authenticated;
