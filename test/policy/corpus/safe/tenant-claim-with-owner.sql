-- safe: rows of the tenant that the verified claims name, each with its owner
-- rows: insert into public.projects (organization_id, owner_id) values (:a, :a), (:b, :b)
-- as: authenticated a {"app_metadata":{"organization_id":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}}
-- query: select count(*) from public.projects
-- returns: 1

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  owner_id uuid not null references public.users (id),
  name text
);
create index on public.projects (organization_id);
create index on public.projects (owner_id);
alter table public.projects enable row level security, force row level security;
create policy projects_tenant on public.projects for select to authenticated
  using (organization_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'organization_id')::uuid));
grant select on public.projects to authenticated;
