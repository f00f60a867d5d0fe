-- safe: rows of the region that a trusted setting names
-- trusts: my.region
-- rows: insert into public.parcels (region, weight) values ('north', 1), ('south', 2)
-- as: authenticated a
-- query: select set_config('my.region', 'north', true); select weight from public.parcels
-- returns: 1

create table public.parcels (
  id uuid primary key default gen_random_uuid(),
  region text not null,
  weight integer not null
);
create index on public.parcels (region);
alter table public.parcels enable row level security, force row level security;
create policy parcels_region on public.parcels for select to authenticated
  using (region = (select current_setting('my.region', true)));
grant select on public.parcels to authenticated;
