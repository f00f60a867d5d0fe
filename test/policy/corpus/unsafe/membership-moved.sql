-- unsafe: the policy follows the table that users write to its new schema
-- rows: insert into public.teams (id) values (:b); insert into app.memberships values (:b, :b)
-- as: authenticated a
-- query: insert into app.memberships values (:b, :a); select count(*) from public.teams
-- returns: 1

create table public.teams (
  id uuid primary key default gen_random_uuid(),
  name text
);
alter table public.teams enable row level security, force row level security;
create table public.memberships (
  team_id uuid not null references public.teams (id),
  user_id uuid not null references public.users (id),
  primary key (team_id, user_id)
);
create index on public.memberships (user_id);
alter table public.memberships enable row level security, force row level security;
create policy memberships_own on public.memberships for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.memberships to authenticated;
create policy teams_member on public.teams for select to authenticated
  using (exists (
    select 1 from public.memberships m
    where m.team_id = teams.id and m.user_id = (select auth.uid())
  ));
grant select on public.teams to authenticated;
create policy memberships_join on public.memberships for insert to authenticated
  with check ((select auth.uid()) = user_id);
grant insert on public.memberships to authenticated;
create schema app;
grant usage on schema app to authenticated;
alter table public.memberships set schema app;
create table public.memberships (
  team_id uuid not null references public.teams (id),
  user_id uuid not null references public.users (id),
  primary key (team_id, user_id)
);
create index on public.memberships (user_id);
alter table public.memberships enable row level security, force row level security;
create policy memberships_own on public.memberships for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.memberships to authenticated;
