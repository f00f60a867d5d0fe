-- unsafe: a definer function enters the caller as a member of the team that they name, or of a random one
-- rows: insert into public.teams (id, name) values (:b, 'of b'); insert into public.team_members (team_id, user_id) values (:b, :b)
-- as: authenticated a
-- query: select public.enter_team('of a', :b); select string_agg(name, ',') from public.teams
-- returns: of b

create table public.teams (id uuid primary key default gen_random_uuid(), name text not null);
create table public.team_members (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (team_id, user_id)
);
create index on public.team_members (user_id);
alter table public.teams enable row level security, force row level security;
alter table public.team_members enable row level security, force row level security;
create policy teams_migrator on public.teams for insert to migrator with check (true);
create policy team_members_migrator on public.team_members for insert to migrator with check (true);
create policy team_members_own on public.team_members for select to authenticated using ((select auth.uid()) = user_id);
create policy teams_of_members on public.teams for select to authenticated
  using (exists (select from public.team_members m where m.team_id = teams.id and m.user_id = (select auth.uid())));
grant select on public.teams, public.team_members to authenticated;
create function public.enter_team(p_name text, p_team uuid) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  made uuid := gen_random_uuid();
begin
  if p_team is null then
    insert into public.teams (id, name) values (made, p_name);
  else
    made := p_team;
  end if;
  insert into public.team_members (team_id, user_id) values (made, auth.uid());
  return made;
end $$;
revoke all on function public.enter_team(text, uuid) from public;
grant execute on function public.enter_team(text, uuid) to authenticated;
