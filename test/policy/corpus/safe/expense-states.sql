-- safe: an expense is handed in by its author and approved by the team's lead
-- rows: insert into public.teams values ('11111111-1111-4111-8111-111111111111'); insert into public.team_people values ('11111111-1111-4111-8111-111111111111', :a, 'member', 'nominated'); insert into public.expenses (team, author, cents) values ('11111111-1111-4111-8111-111111111111', :b, 5)
-- as: authenticated a
-- query: update public.team_people set nomination = 'approved' where person = :a; select count(*) from public.expenses
-- returns: 0

create table public.teams (id uuid primary key default gen_random_uuid());
create table public.team_people (team uuid not null references public.teams (id) on delete cascade, person uuid not null references public.users (id) on delete cascade, duty text not null default 'member' check (duty in ('member', 'lead')),
  nomination text not null default 'none' check (nomination in ('none', 'nominated', 'approved')), primary key (team, person));
create index on public.team_people (person);
create table public.expenses (id uuid primary key default gen_random_uuid(), team uuid not null references public.teams (id) on delete cascade, author uuid not null references public.users (id) on delete cascade, cents integer not null);
create index on public.expenses (team); create index on public.expenses (author);
alter table public.teams enable row level security, force row level security;
alter table public.team_people enable row level security, force row level security;
alter table public.expenses enable row level security, force row level security;
create function public.leads(t uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.team_people p where p.team = t and p.person = auth.uid() and (p.duty = 'lead' or p.nomination = 'approved')) $$;
revoke all on function public.leads(uuid) from public; grant execute on function public.leads(uuid) to authenticated;
create policy m on public.team_people for select to migrator using (true);
create policy t on public.teams for select to authenticated using (id in (select p.team from public.team_people p where p.person = (select auth.uid())));
create policy p on public.team_people for select to authenticated using (person = (select auth.uid()) or public.leads(team));
create policy u on public.team_people for update to authenticated using (public.leads(team)) with check (public.leads(team));
create policy e on public.expenses for select to authenticated using (author = (select auth.uid()) or public.leads(team));
grant select on public.teams, public.expenses to authenticated; grant select, update (nomination) on public.team_people to authenticated;
