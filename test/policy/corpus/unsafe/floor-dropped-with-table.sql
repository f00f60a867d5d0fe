-- unsafe: the restrictive policy reads a table that is dropped with cascade
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 2

create table public.bans (
  user_id uuid primary key references public.users (id) on delete cascade,
  reason text
);
alter table public.bans enable row level security, force row level security;
create policy bans_own on public.bans
  for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.bans to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_all on public.notes
  for select to authenticated
  using (true);
create policy notes_floor on public.notes
  as restrictive for select to authenticated
  using (
    (select auth.uid()) = user_id
    and not exists (select from public.bans b where b.user_id = (select auth.uid()))
  );
grant select on public.notes to authenticated;
drop table public.bans cascade;
