-- unsafe: a request to join may be entered as an approved one
-- rows: insert into public.teams (id) values (:b); insert into public.team_members (team_id, user_id, status) values (:b, :b, 'approved'); insert into public.reports (team_id, author_id, body) values (:b, :b, 'of b')
-- as: authenticated a
-- query: insert into public.team_members values (:b, :a, 'approved'); select count(*) from public.reports
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid(), name text);
create table public.team_members (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  status text not null default 'requested' check (status in ('requested', 'approved')),
  nickname text,
  primary key (team_id, user_id)
);
create index on public.team_members (user_id);
create table public.reports (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  author_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.reports (team_id);
create index on public.reports (author_id);
alter table public.teams enable row level security, force row level security;
alter table public.team_members enable row level security, force row level security;
alter table public.reports enable row level security, force row level security;
create policy members_own on public.team_members for select to authenticated
  using ((select auth.uid()) = user_id);
create policy members_ask on public.team_members for insert to authenticated
  with check ((select auth.uid()) = user_id and status <> 'refused');
grant select, insert on public.team_members to authenticated;
create policy reports_read on public.reports for select to authenticated
  using (exists (
    select from public.team_members m
    where m.team_id = reports.team_id and m.user_id = (select auth.uid()) and m.status = 'approved'
  ));
grant select on public.reports to authenticated;
