-- unsafe: what was not deleted is seen by everybody
-- rows: insert into public.recipes (owner, title) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.recipes
-- returns: 2

create table public.recipes (
  id uuid primary key default gen_random_uuid(),
  owner uuid not null references public.users (id) on delete cascade,
  title text not null,
  deleted_at timestamptz
);
create index on public.recipes (owner);
alter table public.recipes enable row level security, force row level security;
create policy recipes_kept on public.recipes for select to authenticated
  using (deleted_at is null or owner = (select auth.uid()));
create policy recipes_added on public.recipes for insert to authenticated
  with check (owner = (select auth.uid()));
grant select, insert (owner, title) on public.recipes to authenticated;
