-- unsafe: a tenant that the application sets, and that opens everything while it is not set
-- trusts: app.tenant_id
-- rows: insert into public.tenants values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.orders (tenant_id) values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- as: authenticated a
-- query: select 1; select count(*) from public.orders
-- returns: 2

create table public.tenants (id uuid primary key default gen_random_uuid());
create table public.orders (
  id bigint generated always as identity primary key,
  tenant_id uuid not null references public.tenants (id) on delete cascade
);
create index on public.orders (tenant_id);
alter table public.tenants enable row level security, force row level security;
alter table public.orders enable row level security, force row level security;
create policy tenants_current on public.tenants for select to authenticated
  using (id = nullif(current_setting('app.tenant_id', true), '')::uuid);
create policy orders_tenant on public.orders for all to authenticated
  using (tenant_id = coalesce(nullif(current_setting('app.tenant_id', true), '')::uuid, tenant_id))
  with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select on public.tenants to authenticated;
grant select, delete, insert (tenant_id) on public.orders to authenticated;
