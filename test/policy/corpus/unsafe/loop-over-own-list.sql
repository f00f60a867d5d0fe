-- unsafe: a loop over a table of the application that is called as the catalog's, and is empty
-- rows: insert into public.diaries (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.diaries
-- returns: 1

create schema app;
create table app.tables (table_schema text not null, table_name text primary key);
alter table app.tables enable row level security, force row level security;
create policy tables_migrator on app.tables for select to migrator using (true);
create table public.diaries (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.diaries (user_id);
grant select on public.diaries to authenticated;
do $$
declare
  name text;
begin
  for name in select t.table_name from app.tables t where t.table_schema = 'public' loop
    execute format('alter table public.%I enable row level security, force row level security', name);
  end loop;
end $$;
