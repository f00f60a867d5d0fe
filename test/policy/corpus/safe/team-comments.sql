-- safe: comments of members on the tasks of their team
-- rows: insert into public.teams (id) values (:a), (:b); insert into public.team_members values (:a, :a), (:b, :b); insert into public.tasks (id, team_id) values (:a, :a), (:b, :b); insert into public.comments (task_id, author_id) values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: select count(*) from public.comments
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid(), name text);
create table public.team_members (team_id uuid not null references public.teams (id), user_id uuid not null references public.users (id), primary key (team_id, user_id));
create index on public.team_members (user_id);
create table public.tasks (id uuid primary key default gen_random_uuid(), team_id uuid not null references public.teams (id), title text);
create index on public.tasks (team_id);
create table public.comments (
  id uuid primary key default gen_random_uuid(),
  task_id uuid not null references public.tasks (id),
  author_id uuid not null references public.users (id),
  body text
);
create index on public.comments (task_id);
create index on public.comments (author_id);
alter table public.teams enable row level security, force row level security;
alter table public.team_members enable row level security, force row level security;
alter table public.tasks enable row level security, force row level security;
alter table public.comments enable row level security, force row level security;
create policy own on public.team_members for select to authenticated using (user_id = (select auth.uid()));
create policy member on public.tasks for select to authenticated
  using (team_id in (select m.team_id from public.team_members m where m.user_id = (select auth.uid())));
create policy member on public.comments for select to authenticated
  using (exists (select 1 from public.tasks t where t.id = comments.task_id));
create policy author on public.comments for insert to authenticated
  with check (author_id = (select auth.uid()) and task_id in (select t.id from public.tasks t));
grant select on public.team_members, public.tasks to authenticated;
grant select, insert on public.comments to authenticated;
