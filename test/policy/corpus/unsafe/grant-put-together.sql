-- unsafe: dynamic grant to public
-- rows: insert into public.orders (user_id) values (:b)
-- as: authenticated a
-- query: select has_table_privilege('anon', 'public.orders', 'select')
-- returns: true

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
do $$ begin execute format('grant select on %I.%I to %s', 'public', 'orders', 'anon'); end $$;
