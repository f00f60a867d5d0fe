-- safe: each level leans on the policy above
-- rows: insert into public.orders (id, user_id) values (:a, :a), (:b, :b); insert into public.shipments (id, order_id) values (:a, :a), (:b, :b); insert into public.parcels (shipment_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.parcels
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
create table public.shipments (id uuid primary key default gen_random_uuid(), order_id uuid not null references public.orders (id));
create table public.parcels (id uuid primary key default gen_random_uuid(), shipment_id uuid not null references public.shipments (id));
create index on public.shipments (order_id);
create index on public.parcels (shipment_id);
alter table public.shipments enable row level security, force row level security;
alter table public.parcels enable row level security, force row level security;
create policy s on public.shipments for select to authenticated using (exists (select from public.orders o where o.id = order_id));
create policy p on public.parcels for select to authenticated using (exists (select from public.shipments s where s.id = shipment_id));
grant select on public.shipments, public.parcels to authenticated;
