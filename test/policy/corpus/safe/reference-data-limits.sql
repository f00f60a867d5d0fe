-- safe: plans with a number of users
-- rows: insert into public.plans (id, name) values ('pro', 'Pro')
-- as: authenticated a
-- query: select count(*) from public.plans
-- returns: 1

create table public.plans (id text primary key, name text not null, max_users integer, max_team_members int, price_per_user numeric(10,2), allows_teams boolean);
alter table public.plans enable row level security, force row level security;
create policy r on public.plans for select to authenticated using (true);
grant select on public.plans to authenticated;
