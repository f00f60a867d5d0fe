-- safe: members edit the team's documents, whose author stays
-- rows: insert into public.teams (id) values (:a), (:b); insert into public.team_members values (:a, :a), (:a, :b), (:b, :b); insert into public.files (team_id, created_by) values (:a, :b), (:b, :b)
-- as: authenticated a
-- query: with u as (update public.files set title = 'x' returning 1) select count(*) from u
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
create table public.files (id uuid primary key default gen_random_uuid(), team_id uuid not null references public.teams (id) on delete cascade, created_by uuid not null default auth.uid() references public.users (id), title text not null default '');
create index on public.files (team_id);
create index on public.files (created_by);
alter table public.files enable row level security, force row level security;
create policy files_team on public.files for select to authenticated
  using (team_id in (select m.team_id from public.team_members m where m.user_id = (select auth.uid())));
create policy files_edit on public.files for update to authenticated
  using (team_id in (select m.team_id from public.team_members m where m.user_id = (select auth.uid())));
create policy files_add on public.files for insert to authenticated
  with check (created_by = (select auth.uid()) and team_id in (select m.team_id from public.team_members m where m.user_id = (select auth.uid())));
grant select, insert (team_id, title), update (title) on public.files to authenticated;
