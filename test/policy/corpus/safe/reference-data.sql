-- safe: reference data that nobody owns
-- rows: insert into public.countries values ('CH', 'Switzerland')
-- as: authenticated a
-- query: select count(*) from public.countries
-- returns: 1

create table public.countries (
  code text primary key,
  name text not null
);
alter table public.countries enable row level security, force row level security;
create policy countries_read on public.countries for select to authenticated using (true);
grant select on public.countries to authenticated;
