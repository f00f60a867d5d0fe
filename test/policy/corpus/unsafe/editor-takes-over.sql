-- unsafe: whom the owner lets edit may make themselves the owner
-- rows: insert into public.pages (user_id, editors) values (:b, array[:a]::uuid[])
-- as: authenticated a
-- query: update public.pages set user_id = :a
-- proof: select count(*) from public.pages where user_id = :a
-- returns: 1

create table public.pages (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  editors uuid[] not null default '{}',
  body text
);
create index on public.pages (user_id);
alter table public.pages enable row level security, force row level security;
create policy pages_edit on public.pages for all to authenticated
  using (user_id = (select auth.uid()) or (select auth.uid()) = any (editors));
grant select, update on public.pages to authenticated;
