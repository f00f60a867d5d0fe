-- unsafe: the loop ends after the first table
-- rows: insert into public.invoices (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.invoices
-- returns: 1

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id)
);
create table public.receipts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id)
);
do $$
declare
  t text;
begin
  foreach t in array array['receipts', 'invoices'] loop
    execute format('alter table public.%I enable row level security, force row level security', t);
    exit when t = 'receipts';
  end loop;
end
$$;
grant select on public.invoices to authenticated;
