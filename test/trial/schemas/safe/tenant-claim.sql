-- why: a signed claim names the tenant

create table public.invoices (
  id uuid primary key,
  tenant_id uuid not null,
  amount numeric not null
);
alter table public.invoices enable row level security;
alter table public.invoices force row level security;
create policy r on public.invoices to authenticated
  using (tenant_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb 
    -> 'app_metadata' ->> 'tenant_id')::uuid);
grant select, insert, update, delete on public.invoices to authenticated;
