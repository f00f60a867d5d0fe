-- safe: a definer function that makes a team with the caller as its first member
-- as: authenticated a
-- query: select public.create_team('x')
-- proof: select count(*) from public.team_members where user_id = :a
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid(), name text not null default '');
create table public.team_members (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role text not null default 'member',
  primary key (team_id, user_id)
);
create index on public.team_members (user_id);
alter table public.teams enable row level security, force row level security;
alter table public.team_members enable row level security, force row level security;
create policy team_members_own on public.team_members for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.team_members to authenticated;
create policy teams_migrator on public.teams for all to migrator using (true) with check (true);
create policy members_migrator on public.team_members for all to migrator using (true) with check (true);
create function public.create_team(team_name text) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  new_team uuid;
begin
  insert into public.teams (name) values (team_name) returning id into new_team;
  insert into public.team_members (team_id, user_id, role) values (new_team, auth.uid(), 'admin');
  return new_team;
end $$;
revoke all on function public.create_team(text) from public;
grant execute on function public.create_team(text) to authenticated;
