-- unsafe: grant with grant option
-- rows: select 1
-- as: authenticated a
-- query: select has_table_privilege('authenticated', 'public.posts', 'select with grant option')
-- returns: true

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.posts (user_id);
alter table public.posts enable row level security, force row level security;
create policy posts_own on public.posts for select to authenticated using (auth.uid() = user_id);
grant select on public.posts to authenticated with grant option;
