-- safe: a loop enables row level security
-- rows: insert into public.invoices (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.invoices
-- returns: 1

create table public.invoices (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id));
create table public.receipts (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id));
create index on public.invoices (user_id);
create index on public.receipts (user_id);
do $$
declare t text;
begin
  foreach t in array array['invoices', 'receipts'] loop
    execute format('alter table public.%I enable row level security', t);
    execute format('alter table public.%I force row level security', t);
    execute format('create policy %I on public.%I for select to authenticated using ((select auth.uid()) = user_id)', t || '_own', t);
    execute format('grant select on public.%I to authenticated', t);
  end loop;
end $$;
