-- unsafe: a table like a protected one
-- rows: insert into public.notes_copy (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.notes_copy
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
create table public.notes_copy (like public.notes including all);
grant select on public.notes_copy to authenticated;
