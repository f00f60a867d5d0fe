-- unsafe: files in a folder that is named as the user, but for those that are added
-- rows: select 1
-- as: authenticated a
-- query: insert into public.files (bucket, path) values ('avatars', :b || '/me.png')
-- proof: select path from public.files
-- returns: bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb/me.png

create table public.files (
  id uuid primary key default gen_random_uuid(),
  bucket text not null check (bucket in ('avatars', 'papers')),
  path text not null,
  unique (bucket, path)
);
create index on public.files (split_part(path, '/', 1));
alter table public.files enable row level security, force row level security;
create policy files_seen on public.files for select to authenticated
  using (bucket = 'avatars' and split_part(path, '/', 1) = (select auth.uid())::text);
create policy files_added on public.files for insert to authenticated
  with check (bucket = 'avatars');
create policy files_removed on public.files for delete to authenticated
  using (bucket = 'avatars' and split_part(path, '/', 1) = (select auth.uid())::text);
grant select, insert (bucket, path), delete on public.files to authenticated;
