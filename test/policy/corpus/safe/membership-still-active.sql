-- safe: members whose membership is active and has begun
-- rows: insert into public.gyms values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.memberships (gym_id, user_id, is_active) values ('11111111-1111-4111-8111-111111111111', :a, true), ('22222222-2222-4222-8222-222222222222', :a, false), ('22222222-2222-4222-8222-222222222222', :b, true)
-- rows: ; insert into public.lockers (gym_id, code) values ('11111111-1111-4111-8111-111111111111', 'of a'), ('22222222-2222-4222-8222-222222222222', 'of b')
-- as: authenticated a
-- query: select count(*) from public.lockers
-- returns: 1

create table public.gyms (id uuid primary key default gen_random_uuid());
create table public.memberships (
  gym_id uuid not null references public.gyms (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  is_active boolean not null default true,
  begins_on date not null default current_date,
  primary key (gym_id, user_id)
);
create index on public.memberships (user_id);
create table public.lockers (
  id uuid primary key default gen_random_uuid(),
  gym_id uuid not null references public.gyms (id) on delete cascade,
  code text not null
);
create index on public.lockers (gym_id);
alter table public.gyms enable row level security, force row level security;
alter table public.memberships enable row level security, force row level security;
alter table public.lockers enable row level security, force row level security;
create policy memberships_own on public.memberships for select to authenticated
  using (user_id = (select auth.uid()));
create policy gyms_members on public.gyms for select to authenticated
  using (exists (
    select 1 from public.memberships m
    where m.gym_id = gyms.id and m.user_id = (select auth.uid()) and m.is_active
  ));
create policy lockers_members on public.lockers for select to authenticated
  using (exists (
    select 1 from public.memberships m
    where m.gym_id = lockers.gym_id and m.user_id = (select auth.uid())
      and m.is_active and m.begins_on <= current_date
  ));
grant select on public.gyms, public.memberships, public.lockers to authenticated;
