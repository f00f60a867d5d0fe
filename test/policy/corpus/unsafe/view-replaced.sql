-- unsafe: create or replace forgets security_invoker
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.all_notes
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
create view public.all_notes with (security_invoker = true) as select * from public.notes;
grant select on public.all_notes to authenticated;
create or replace view public.all_notes as select * from public.notes;
