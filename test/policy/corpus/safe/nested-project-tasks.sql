-- safe: tasks of projects of spaces of companies that the user works for
-- rows: insert into public.companies values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.staff values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.spaces values ('33333333-3333-4333-8333-333333333333', '11111111-1111-4111-8111-111111111111'), ('44444444-4444-4444-8444-444444444444', '22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.projects values ('55555555-5555-4555-8555-555555555555', '33333333-3333-4333-8333-333333333333'), ('66666666-6666-4666-8666-666666666666', '44444444-4444-4444-8444-444444444444')
-- rows: ; insert into public.tasks (project_id) values ('55555555-5555-4555-8555-555555555555'), ('66666666-6666-4666-8666-666666666666')
-- as: authenticated a
-- query: select count(*) from public.tasks
-- returns: 1

create table public.companies (id uuid primary key default gen_random_uuid());
create table public.staff (
  company_id uuid not null references public.companies (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (company_id, user_id)
);
create index on public.staff (user_id);
create table public.spaces (
  id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (id) on delete cascade
);
create index on public.spaces (company_id);
create table public.projects (
  id uuid primary key default gen_random_uuid(),
  space_id uuid not null references public.spaces (id) on delete cascade
);
create index on public.projects (space_id);
create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade
);
create index on public.tasks (project_id);
alter table public.companies enable row level security, force row level security;
alter table public.staff enable row level security, force row level security;
alter table public.spaces enable row level security, force row level security;
alter table public.projects enable row level security, force row level security;
alter table public.tasks enable row level security, force row level security;
create policy staff_migrator on public.staff for all to migrator using (true) with check (true);
create policy spaces_migrator on public.spaces for all to migrator using (true) with check (true);
create policy projects_migrator on public.projects for all to migrator using (true) with check (true);
create function public.works_on(project uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select 1
    from public.projects p
    join public.spaces s on s.id = p.space_id
    join public.staff f on f.company_id = s.company_id
    where p.id = project and f.user_id = auth.uid()
  )
$$;
revoke all on function public.works_on(uuid) from public;
grant execute on function public.works_on(uuid) to authenticated;
create policy staff_own on public.staff for select to authenticated using (user_id = (select auth.uid()));
create policy companies_staff on public.companies for select to authenticated
  using (id in (select f.company_id from public.staff f where f.user_id = (select auth.uid())));
create policy spaces_staff on public.spaces for select to authenticated
  using (company_id in (select f.company_id from public.staff f where f.user_id = (select auth.uid())));
create policy projects_staff on public.projects for select to authenticated using (public.works_on(id));
create policy tasks_staff on public.tasks for select to authenticated using (public.works_on(project_id));
grant select on public.companies, public.staff, public.spaces, public.projects, public.tasks to authenticated;
