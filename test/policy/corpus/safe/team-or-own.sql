-- safe: tasks of a team, or assigned to the user
-- rows: insert into public.teams (id) values (:a), (:b); insert into public.team_members values (:a, :a), (:b, :b); insert into public.tasks (team_id, assigned_to) values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: select count(*) from public.tasks
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid(), name text);
create table public.team_members (team_id uuid not null references public.teams (id), user_id uuid not null references public.users (id), primary key (team_id, user_id));
create index on public.team_members (user_id);
create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id),
  assigned_to uuid references public.users (id),
  title text
);
create index on public.tasks (team_id);
create index on public.tasks (assigned_to);
alter table public.teams enable row level security, force row level security;
alter table public.team_members enable row level security, force row level security;
alter table public.tasks enable row level security, force row level security;
create policy own on public.team_members for select to authenticated using (user_id = (select auth.uid()));
create policy member on public.tasks for select to authenticated
  using (
    assigned_to = (select auth.uid())
    or exists (
      select 1 from public.team_members m
      where m.team_id = tasks.team_id and m.user_id = (select auth.uid())
    )
  );
grant select on public.team_members, public.tasks to authenticated;
