-- unsafe: a member sets the flag of their membership that opens the reports
-- rows: insert into public.teams (id) values (:b); insert into public.team_members (team_id, user_id, is_lead) values (:b, :a, false), (:b, :b, true); insert into public.reports (team_id, author_id, body) values (:b, :b, 'of b')
-- as: authenticated a
-- query: update public.team_members set is_lead = true; select count(*) from public.reports
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid(), name text);
create table public.team_members (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  is_lead boolean not null default false,
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
create policy members_update on public.team_members for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, update on public.team_members to authenticated;
create policy reports_read on public.reports for select to authenticated
  using (exists (
    select from public.team_members m
    where m.team_id = reports.team_id and m.user_id = (select auth.uid()) and m.is_lead
  ));
grant select on public.reports to authenticated;
