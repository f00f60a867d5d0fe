-- safe: a definer function makes a team under a random key, with the caller as its first member
-- rows: insert into public.teams (id, name) values (:b, 'of b'); insert into public.team_members (team_id, user_id) values (:b, :b)
-- as: authenticated a
-- query: select public.create_team('of a'); select string_agg(name, ',') from public.teams
-- returns: of a

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
create function public.create_team(p_name text) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  made constant uuid := gen_random_uuid();
begin
  insert into public.teams (id, name) values (made, p_name);
  insert into public.team_members (team_id, user_id) values (made, auth.uid());
  return made;
end $$;
revoke all on function public.create_team(text) from public;
grant execute on function public.create_team(text) to authenticated;
