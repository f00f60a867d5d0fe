-- safe: whoever knows the token of an invitation becomes a member
-- rows: insert into public.crews values ('11111111-1111-4111-8111-111111111111'); insert into public.crew_invites (id, crew, token) values ('22222222-2222-4222-8222-222222222222', '11111111-1111-4111-8111-111111111111', 'secret'); insert into public.crew_logs (crew, body) values ('11111111-1111-4111-8111-111111111111', 'b')
-- as: authenticated a
-- query: select public.accept_crew('wrong'); select count(*) from public.crew_logs
-- returns: 0

create table public.crews (id uuid primary key default gen_random_uuid());
create table public.crew_people (crew uuid not null references public.crews (id) on delete cascade, person uuid not null references public.users (id) on delete cascade, primary key (crew, person));
create index on public.crew_people (person);
create table public.crew_invites (id uuid primary key default gen_random_uuid(), crew uuid not null references public.crews (id) on delete cascade,
  token text not null unique default gen_random_uuid()::text);
create index on public.crew_invites (crew);
create table public.crew_logs (id uuid primary key default gen_random_uuid(), crew uuid not null references public.crews (id) on delete cascade, body text not null);
create index on public.crew_logs (crew);
alter table public.crews enable row level security, force row level security;
alter table public.crew_people enable row level security, force row level security;
alter table public.crew_invites enable row level security, force row level security;
alter table public.crew_logs enable row level security, force row level security;
create policy m1 on public.crew_people for all to migrator using (true) with check (true);
create policy m2 on public.crew_invites for all to migrator using (true) with check (true);
create policy p on public.crew_people for select to authenticated using (person = (select auth.uid()));
create policy c on public.crews for select to authenticated using (id in (select x.crew from public.crew_people x where x.person = (select auth.uid())));
create policy l on public.crew_logs for select to authenticated using (crew in (select x.crew from public.crew_people x where x.person = (select auth.uid())));
grant select on public.crews, public.crew_people, public.crew_logs to authenticated;
create function public.accept_crew(given_token text) returns void language sql security definer set search_path = '' as $$
  insert into public.crew_people (crew, person) select i.crew, auth.uid() from public.crew_invites i where i.token = given_token on conflict do nothing
$$;
revoke all on function public.accept_crew from public;
grant execute on function public.accept_crew to authenticated;
