-- unsafe: what PUBLIC may execute everywhere is not revoked in one schema
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select public.count_notes()
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
create policy notes_migrator on public.notes for select to migrator using (true);
grant select on public.notes to authenticated;
alter default privileges for role migrator in schema public revoke execute on functions from public;
create function public.count_notes() returns bigint language sql stable security definer
  set search_path = '' as $$ select count(*) from public.notes $$;
