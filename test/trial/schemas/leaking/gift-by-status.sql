-- why: a check lets rows of a status go
-- finds: POL154 public.orders

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  status text
);
create index on public.orders (user_id);
alter table public.orders enable row level security, force row level security;
create policy s on public.orders for select to authenticated
  using (user_id = (select auth.uid()) or status = 'transferred' and false);
create policy u on public.orders for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()) or status = 'transferred');
create policy s2 on public.orders for select to authenticated
  using (user_id = (select auth.uid()));
grant select, update on public.orders to authenticated;
