-- unsafe: the row's own key compared with the user
-- rows: insert into public.notes (id, user_id) values (:a, :b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) = id);
grant select on public.notes to authenticated;
