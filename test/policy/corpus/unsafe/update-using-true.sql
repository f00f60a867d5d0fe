-- unsafe: an update changes everybody's rows
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: update public.notes set user_id = :a
-- proof: select count(*) from public.notes where user_id = :a
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_select on public.notes
  for select to authenticated
  using (true);
create policy notes_update on public.notes
  for update to authenticated
  using (true)
  with check ((select auth.uid()) = user_id);
grant select, insert, update, delete on public.notes to authenticated;
