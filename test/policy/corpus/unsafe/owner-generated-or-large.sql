-- unsafe: the owner is generated from the path, but large files are shown to everybody
-- rows: insert into public.media (path, size_bytes) values (:a || '/1.ogg', 5), (:b || '/1.ogg', 5)
-- as: authenticated a
-- query: select count(*) from public.media
-- returns: 2

create table public.media (
  id uuid primary key default gen_random_uuid(),
  path text not null unique check (path ~ '/'),
  user_id uuid not null generated always as (split_part(path, '/', 1)::uuid) stored,
  size_bytes bigint not null default 0
);
create index on public.media (user_id);
alter table public.media enable row level security, force row level security;
create policy media_read on public.media for select to authenticated
  using ((select auth.uid()) = user_id or size_bytes > 0);
create policy media_insert on public.media for insert to authenticated
  with check ((select auth.uid()) = user_id);
create policy media_delete on public.media for delete to authenticated
  using ((select auth.uid()) = user_id);
grant select, delete, insert (path, size_bytes) on public.media to authenticated;
