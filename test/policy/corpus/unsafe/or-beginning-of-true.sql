-- unsafe: the beginning of a word that PostgreSQL reads as true
-- rows: insert into public.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated
  using (user_id = (select auth.uid()) or 'tru'::boolean);
grant select on public.notes to authenticated;
