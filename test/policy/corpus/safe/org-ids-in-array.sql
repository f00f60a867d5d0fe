-- safe: ids of the caller's organizations as an array
-- rows: insert into public.orgs values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.org_users values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.assets (org, label) values ('11111111-1111-4111-8111-111111111111', 'of a'), ('22222222-2222-4222-8222-222222222222', 'of b')
-- as: authenticated a
-- query: select count(*) from public.assets
-- returns: 1

create table public.orgs (id uuid primary key default gen_random_uuid());
create table public.org_users (
  org uuid not null references public.orgs (id) on delete cascade,
  who uuid not null references public.users (id) on delete cascade,
  primary key (org, who)
);
create index on public.org_users (who);
create table public.assets (
  id uuid primary key default gen_random_uuid(),
  org uuid not null references public.orgs (id) on delete cascade,
  label text not null
);
create index on public.assets (org);
alter table public.orgs enable row level security, force row level security;
alter table public.org_users enable row level security, force row level security;
alter table public.assets enable row level security, force row level security;
create policy orgs_migrator on public.orgs for all to migrator using (true) with check (true);
create policy org_users_migrator on public.org_users for all to migrator using (true) with check (true);
create function public.my_org_ids() returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(o.id), '{}')
  from public.orgs o join public.org_users u on u.org = o.id and u.who = auth.uid()
$$;
revoke all on function public.my_org_ids() from public;
grant execute on function public.my_org_ids() to authenticated;
create policy orgs_mine on public.orgs for select to authenticated
  using (exists (select from public.org_users u where u.org = orgs.id and u.who = (select auth.uid())));
create policy org_users_mine on public.org_users for select to authenticated
  using (who = (select auth.uid()));
create policy assets_mine on public.assets for select to authenticated
  using (org = any (public.my_org_ids()));
grant select on public.orgs, public.org_users, public.assets to authenticated;
