-- safe: a loop over pg_tables protects every table
-- rows: insert into public.invoices (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.invoices
-- returns: 1

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id)
);
create table public.invoice_lines (
  id uuid primary key default gen_random_uuid(),
  invoice_id uuid not null references public.invoices (id)
);
create index on public.invoices (user_id);
do $$
declare
  r record;
begin
  for r in select schemaname, tablename from pg_catalog.pg_tables where schemaname = 'public' and tablename like 'invoice%' loop
    execute format('alter table %I.%I enable row level security', r.schemaname, r.tablename);
    execute 'alter table ' || quote_ident(r.schemaname) || '.' || quote_ident(r.tablename) || ' force row level security';
  end loop;
end
$$;
create policy invoices_own on public.invoices for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.invoices to authenticated;
