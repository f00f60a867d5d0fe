-- unsafe: a delete of everybody's rows
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: delete from public.notes
-- proof: select 2 - count(*) from public.notes
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
create policy notes_delete on public.notes
  for delete to authenticated
  using (true);
grant select, delete on public.notes to authenticated;
