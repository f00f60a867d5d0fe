-- unsafe: who may join is who was invited, and anybody invites
-- rows: insert into public.teams (id) values (:b); insert into public.boards (team_id, title) values (:b, 'of b')
-- as: authenticated a
-- query: insert into public.team_invites (team_id, user_id) values (:b, :a)
-- proof: set local role authenticated; insert into public.team_members (team_id, user_id) values (:b, :a); select title from public.boards
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
create table public.team_invites (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (team_id, user_id)
);
create index on public.team_invites (user_id);
alter table public.team_invites enable row level security, force row level security;
create policy invites_own on public.team_invites for all to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select, insert, delete on public.team_invites to authenticated;
create policy members_join on public.team_members for insert to authenticated
  with check (user_id = (select auth.uid()) and exists (
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
