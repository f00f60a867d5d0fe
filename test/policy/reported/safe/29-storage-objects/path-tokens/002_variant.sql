create table public.blobs (
  id bigint generated always as identity primary key,
  folder text[] not null,
  title text not null
);
create index on public.blobs ((folder[1]));
alter table public.blobs enable row level security, force row level security;
create policy blobs_own on public.blobs for all to authenticated
  using (folder[1] = (select auth.uid())::text)
  with check (folder[1] = (select auth.uid())::text);
grant select, delete, insert (folder, title), update (title) on public.blobs to authenticated;
