-- safe: a table of tens of thousands of numbers, one after the other, that users' rows refer to
-- rows: insert into public.sightings (user_id, species) values (:a, 1), (:b, 30000)
-- as: authenticated a
-- query: select count(*) from public.sightings
-- returns: 1

create table public.species (id integer primary key, name text not null);
alter table public.species enable row level security, force row level security;
create policy species_read on public.species for select to authenticated using (true);
create policy species_migrator on public.species for all to migrator using (true) with check (true);
insert into public.species (id, name) select n, 'species ' || n from generate_series(1, 30000) as n;
create table public.sightings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  species integer not null references public.species (id)
);
create index on public.sightings (user_id);
create index on public.sightings (species);
alter table public.sightings enable row level security, force row level security;
create policy sightings_own on public.sightings for all to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select on public.species to authenticated;
grant select, delete, insert (user_id, species) on public.sightings to authenticated;
