-- unsafe: a parent that no foreign key names; who writes has to own none
-- rows: insert into public.trips (id, traveller) values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- as: authenticated a
-- query: insert into public.stops (trip, place) values ('22222222-2222-4222-8222-222222222222', 'x')
-- proof: select trip from public.stops
-- returns: 22222222-2222-4222-8222-222222222222

create table public.trips (
  id uuid primary key default gen_random_uuid(),
  traveller uuid not null
);
create index on public.trips (traveller);
create table public.stops (
  id uuid primary key default gen_random_uuid(),
  trip uuid not null,
  place text not null
);
create index on public.stops (trip);
alter table public.trips enable row level security, force row level security;
alter table public.stops enable row level security, force row level security;
create policy trips_own on public.trips for all to authenticated
  using (traveller = (select auth.uid())) with check (traveller = (select auth.uid()));
create policy stops_read on public.stops for select to authenticated
  using (trip in (select t.id from public.trips t where t.traveller = (select auth.uid())));
create policy stops_write on public.stops for insert to authenticated
  with check ((select auth.uid()) is not null);
grant select, insert (traveller), delete on public.trips to authenticated;
grant select, insert (trip, place) on public.stops to authenticated;
