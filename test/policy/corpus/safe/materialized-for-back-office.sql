-- safe: a materialized view that only the back office may read
-- rows: insert into public.notes (user_id) values (:a), (:b); refresh materialized view public.notes_by_user
-- as: service_role -
-- query: select count(*) from public.notes_by_user
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy notes_migrator on public.notes for select to migrator using (true);
grant select on public.notes to authenticated;
create materialized view public.notes_by_user as
  select n.user_id, count(*) as notes from public.notes n group by n.user_id;
grant select on public.notes_by_user to service_role;
