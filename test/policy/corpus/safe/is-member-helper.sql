-- safe: `is_member(team_id)` reads the caller's memberships
-- rows: insert into public.teams values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222'); insert into public.team_people values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.goals (team_id, goal) values ('11111111-1111-4111-8111-111111111111', 'of a'), ('22222222-2222-4222-8222-222222222222', 'of b')
-- as: authenticated a
-- query: select count(*) from public.goals
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid());
create table public.team_people (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (team_id, user_id)
);
create index on public.team_people (user_id);
create table public.goals (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  goal text not null
);
create index on public.goals (team_id);
alter table public.teams enable row level security, force row level security;
alter table public.team_people enable row level security, force row level security;
alter table public.goals enable row level security, force row level security;
create policy team_people_own on public.team_people for select to authenticated
  using (user_id = (select auth.uid()));
create function public.is_member(team uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select 1 from public.team_people p where p.team_id = team and p.user_id = auth.uid()
  )
$$;
revoke all on function public.is_member(uuid) from public;
grant execute on function public.is_member(uuid) to authenticated;
create policy teams_member on public.teams for select to authenticated using (public.is_member(id));
create policy goals_member on public.goals for all to authenticated
  using (public.is_member(team_id)) with check (public.is_member(team_id));
grant select on public.teams, public.team_people to authenticated;
grant select, delete, insert (team_id, goal), update (goal) on public.goals to authenticated;
