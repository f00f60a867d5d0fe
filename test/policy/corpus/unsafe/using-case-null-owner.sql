-- unsafe: a case that is null-safe for those without a user
-- rows: insert into public.notes (user_id) values (:a), (:b), (null)
-- as: authenticated -
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references public.users (id)
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes
  for select to authenticated
  using (case when auth.uid() is not null then user_id = auth.uid() else user_id is not distinct from auth.uid() end);
grant select on public.notes to authenticated;
