-- why: membership is two tables away

create table public.orgs (
  id uuid primary key
);
create table public.org_members (
  org_id uuid references public.orgs (id),
  user_id uuid references public.users (id),
  primary key (org_id, user_id)
);
create table public.projects (
  id uuid primary key,
  org_id uuid not null references public.orgs (id)
);
create table public.tasks (
  id uuid primary key,
  project_id uuid not null references public.projects (id),
  title text
);
alter table public.orgs enable row level security;
alter table public.orgs force row level security;
alter table public.org_members enable row level security;
alter table public.org_members force row level security;
alter table public.projects enable row level security;
alter table public.projects force row level security;
alter table public.tasks enable row level security;
alter table public.tasks force row level security;
create policy r on public.org_members for select to authenticated
  using (user_id = (select auth.uid()));
create policy r on public.projects for select to authenticated
  using (exists (select from public.org_members m where m.org_id = projects.org_id
    and m.user_id = (select auth.uid())));
create policy r on public.tasks to authenticated
  using (exists (select from public.projects p
    join public.org_members m on m.org_id = p.org_id where p.id = tasks.project_id
    and m.user_id = (select auth.uid())));
grant select on public.org_members, public.projects to authenticated;
grant select, insert, update, delete on public.tasks to authenticated;
