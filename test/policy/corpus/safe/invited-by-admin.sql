-- safe: who was invited by name enters the team, and admins alone invite
-- rows: insert into public.teams (id) values (:a), (:b); insert into public.team_members values (:b, :b, 'admin'); insert into public.boards (team_id, title) values (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.boards
-- returns: 0

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
create function public.is_team_admin(team uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.team_members m where m.team_id = team and m.user_id = (select auth.uid()) and m.role = 'admin')
$$;
revoke all on function public.is_team_admin(uuid) from public;
grant execute on function public.is_team_admin(uuid) to authenticated;
create policy members_migrator on public.team_members for select to migrator using (true);
create table public.team_invites (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (team_id, user_id)
);
create index on public.team_invites (user_id);
alter table public.team_invites enable row level security, force row level security;
create policy invites_read on public.team_invites for select to authenticated using (user_id = (select auth.uid()));
create policy invites_make on public.team_invites for insert to authenticated with check (public.is_team_admin(team_id));
grant select, insert on public.team_invites to authenticated;
create policy members_join on public.team_members for insert to authenticated
  with check (user_id = (select auth.uid()) and role = 'member' and exists (
    select from public.team_invites i where i.team_id = team_members.team_id and i.user_id = (select auth.uid())));
grant insert on public.team_members to authenticated;
create table public.boards (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  title text
);
create index on public.boards (team_id);
alter table public.boards enable row level security, force row level security;
create policy boards_read on public.boards for select to authenticated
  using (team_id in (select m.team_id from public.team_members m where m.user_id = (select auth.uid())));
grant select on public.boards to authenticated;
