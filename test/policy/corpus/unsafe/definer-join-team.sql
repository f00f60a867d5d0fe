-- unsafe: a definer function that enters its caller into any team
-- rows: insert into public.teams (id) values (:b); insert into public.boards (team_id, title) values (:b, 'of b')
-- as: authenticated a
-- query: select public.join_team(:b); select title from public.boards
-- returns: of b

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
create policy members_migrator on public.team_members for all to migrator using (true) with check (true);
create function public.join_team(team uuid) returns void language sql security definer set search_path = '' as $$
  insert into public.team_members (team_id, user_id) values (team, auth.uid())
$$;
revoke all on function public.join_team(uuid) from public;
grant execute on function public.join_team(uuid) to authenticated;
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
