-- unsafe: an insert for somebody else
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:b, 'by a')
-- proof: select count(*) from public.notes where body = 'by a'
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_select on public.notes
  for select to authenticated
  using ((select auth.uid()) = user_id);
create policy notes_insert on public.notes
  for insert to authenticated
  with check (true);
grant select, insert on public.notes to authenticated;
