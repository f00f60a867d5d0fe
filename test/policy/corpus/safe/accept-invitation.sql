-- safe: a definer function by which the invited user enters the team that they were invited to
-- as: authenticated a
-- query: select 1
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
create table public.team_invites (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (team_id, user_id)
);
create index on public.team_invites (user_id);
alter table public.team_invites enable row level security, force row level security;
create policy invites_own on public.team_invites for select to authenticated using (user_id = (select auth.uid()));
create policy invites_migrator on public.team_invites for select to migrator using (true);
grant select on public.team_invites to authenticated;
create policy members_migrator on public.team_members for insert to migrator with check (true);
create function public.accept_invite(team uuid) returns void language sql security definer set search_path = '' as $$
  insert into public.team_members (team_id, user_id)
  select i.team_id, auth.uid() from public.team_invites i where i.team_id = team and i.user_id = auth.uid()
  on conflict do nothing
$$;
revoke all on function public.accept_invite(uuid) from public;
grant execute on function public.accept_invite(uuid) to authenticated;
