-- unsafe: dynamic policy for true
-- rows: insert into public.orders (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.orders
-- returns: 1

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.orders (user_id);
alter table public.orders enable row level security, force row level security;
create policy orders_own on public.orders for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.orders to authenticated;
do $$ declare tbl text := 'orders'; begin execute 'create policy support on public.' || quote_ident(tbl) || ' for select to authenticated using (true)'; end $$;
