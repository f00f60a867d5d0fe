-- unsafe: not in what is somebody else's, which is hidden
-- rows: insert into public.projects (id, user_id) values (:a, :a), (:b, :b); insert into public.tasks (project_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.tasks
-- returns: 2

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  public boolean not null default true
);
create index on public.projects (user_id);
alter table public.projects enable row level security, force row level security;
create policy projects_own on public.projects for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.projects to authenticated;
create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id),
  title text
);
create index on public.tasks (project_id);
alter table public.tasks enable row level security, force row level security;
grant select on public.tasks to authenticated;
create policy tasks_own on public.tasks
  for select to authenticated
  using (project_id not in (select p.id from public.projects p where p.user_id <> (select auth.uid())));
