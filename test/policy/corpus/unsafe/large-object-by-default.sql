-- unsafe: the default makes a large object, which every signed-in user may write and read
-- as: authenticated a
-- query: insert into public.recordings (user_id) values (:a); select set_config('request.jwt.claims', '{"sub": "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"}', true); select count(lo_get(oid)) from pg_catalog.pg_largeobject_metadata
-- returns: 1

create table public.recordings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  content oid not null default lo_create(0)
);
create index on public.recordings (user_id);
alter table public.recordings enable row level security, force row level security;
create policy recordings_own on public.recordings for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id), delete on public.recordings to authenticated;
