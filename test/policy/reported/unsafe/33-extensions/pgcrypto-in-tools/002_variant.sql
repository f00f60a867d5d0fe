create schema tools;
grant usage on schema tools to authenticated;
create extension pgcrypto with schema tools;
create table public.vaults (
  id uuid primary key default tools.gen_random_uuid(),
  holder uuid not null references public.users (id) on delete cascade,
  hash text not null default tools.crypt('x', tools.gen_salt('bf', 4))
);
create index on public.vaults (holder);
alter table public.vaults enable row level security, force row level security;
create policy vaults_own on public.vaults for select to authenticated
  using (hash = tools.crypt('x', hash));
grant select on public.vaults to authenticated;
