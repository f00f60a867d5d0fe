-- safe: arrays of one value, and text in lower case
-- rows: insert into public.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes
  for select to authenticated
  using (array[user_id] <@ array[(select auth.uid())]);
create policy notes_own_3 on public.notes
  for select to authenticated
  using (lower(user_id::text) = lower((select auth.uid())::text));
grant select on public.notes to authenticated;
