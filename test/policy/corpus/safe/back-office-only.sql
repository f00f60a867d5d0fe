-- safe: a table without owner for the back office
-- rows: insert into public.jobs default values
-- as: service_role -
-- query: select count(*) from public.jobs
-- returns: 1

create table public.jobs (
  id bigint generated always as identity primary key,
  payload jsonb not null default '{}'
);
alter table public.jobs enable row level security, force row level security;
create policy jobs_service on public.jobs for all to service_role using (true) with check (true);
grant select, insert, delete on public.jobs to service_role;
