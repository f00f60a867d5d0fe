-- safe: coalesce of what is never null
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
  using (coalesce(exists (select 1 from public.users u where u.id = notes.user_id and u.id = auth.uid()), true));
grant select on public.notes to authenticated;
