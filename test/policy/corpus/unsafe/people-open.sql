-- unsafe: a list of customers without any user column
-- rows: insert into public.customers (name) values ('x')
-- as: authenticated a
-- query: select count(*) from public.customers
-- returns: 1

create table public.customers (id bigint generated always as identity primary key, name text not null, notes text);
alter table public.customers enable row level security, force row level security;
create policy r on public.customers for select to authenticated using (true);
grant select on public.customers to authenticated;
