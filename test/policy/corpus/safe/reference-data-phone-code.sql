-- safe: countries with a phone code
-- rows: insert into public.countries values ('CH', 'Switzerland', '+41')
-- as: authenticated a
-- query: select count(*) from public.countries
-- returns: 1

create table public.countries (code char(2) primary key, name text not null, phone_code text);
alter table public.countries enable row level security, force row level security;
create policy r on public.countries for select to authenticated using (true);
grant select on public.countries to authenticated;
