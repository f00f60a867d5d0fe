-- safe: account_id is whose row it is, within a tenant
-- rows: insert into public.invoices (tenant_id, account_id) values (:a, :a), (:a, :b)
-- as: authenticated a {"app_metadata": {"tenant_id": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}}
-- query: select count(*) from public.invoices
-- returns: 1

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  account_id uuid not null references public.users (id) on delete cascade,
  amount_cents bigint not null default 0
);
create index on public.invoices (account_id);
create index on public.invoices (tenant_id, account_id);
alter table public.invoices enable row level security, force row level security;
create policy invoices_own on public.invoices for select to authenticated
  using (account_id = (select auth.uid())
    and tenant_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'tenant_id')::uuid);
grant select on public.invoices to authenticated;
