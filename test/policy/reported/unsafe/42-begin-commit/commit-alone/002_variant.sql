create table public.wrapped (id integer primary key);
alter table public.wrapped enable row level security, force row level security;
commit;
grant select on public.wrapped to service_role;
