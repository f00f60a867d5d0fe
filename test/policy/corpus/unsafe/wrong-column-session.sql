-- unsafe: a reference to something else that happens to be equal
-- rows: insert into public.notes (user_id, reviewed_by) values (:b, :a)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  reviewed_by uuid
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) = reviewed_by);
grant select on public.notes to authenticated;
