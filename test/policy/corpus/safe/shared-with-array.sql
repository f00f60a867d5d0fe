-- safe: readers that the owner lists
-- rows: insert into public.albums (user_id, readers) values (:a, '{}'), (:b, '{}'), (:b, array[:a]::uuid[])
-- as: authenticated a
-- query: select count(*) from public.albums
-- returns: 2

create table public.albums (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  title text not null default '',
  readers uuid[] not null default '{}'
);
create index on public.albums (user_id);
create index on public.albums using gin (readers);
alter table public.albums enable row level security, force row level security;
create policy albums_read on public.albums for select to authenticated
  using (user_id = (select auth.uid()) or (select auth.uid()) = any (readers));
create policy albums_write on public.albums for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, update (title, readers) on public.albums to authenticated;
