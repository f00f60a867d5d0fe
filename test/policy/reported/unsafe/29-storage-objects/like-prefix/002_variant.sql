create table public.media (
  id uuid primary key default gen_random_uuid(),
  key text not null unique
);
alter table public.media enable row level security, force row level security;
create policy media_read on public.media for select to authenticated
  using (key like '%/%');
create policy media_add on public.media for insert to authenticated
  with check (starts_with(key, concat((select auth.uid()), '/')));
grant select, insert (key) on public.media to authenticated;
