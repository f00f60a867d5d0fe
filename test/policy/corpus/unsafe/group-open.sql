-- unsafe: teams readable by all while members decide
-- rows: insert into public.teams (id) values (:a), (:b); insert into public.team_members values (:a, :a)
-- as: authenticated a
-- query: select count(*) from public.teams
-- returns: 2

create table public.teams (id uuid primary key, name text);
create table public.team_members (team_id uuid not null references public.teams (id), user_id uuid not null references public.users (id), primary key (team_id, user_id));
create index on public.team_members (user_id);
alter table public.teams enable row level security, force row level security;
alter table public.team_members enable row level security, force row level security;
create policy m on public.team_members for select to authenticated using (user_id = (select auth.uid()));
create policy t on public.teams for select to authenticated using (true);
grant select on public.teams, public.team_members to authenticated;
