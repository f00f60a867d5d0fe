-- unsafe: a loop over names opens what it names
-- rows: insert into public.invoices (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.invoices
-- returns: 1

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.invoices (user_id);
alter table public.invoices enable row level security, force row level security;
create policy invoices_own on public.invoices for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.invoices to authenticated;
do $$
declare
  t text;
begin
  for t in select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'users' and table_name not in ('sessions') loop
    execute format('create policy support on public.%I for select to authenticated using (true)', t);
  end loop;
end
$$;
