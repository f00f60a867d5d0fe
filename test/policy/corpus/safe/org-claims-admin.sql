-- safe: an administrator of the organisation that the token names reads its invoices
-- rows: insert into public.invoices (org_id, cents) values (:a, 1), (:b, 2)
-- as: authenticated a {"app_metadata": {"org_id": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "org_role": "admin"}}
-- query: select sum(cents) from public.invoices
-- returns: 1

create table public.invoices (id uuid primary key default gen_random_uuid(), org_id uuid not null, cents bigint not null, issued_on date not null default current_date);
create index on public.invoices (org_id);
alter table public.invoices enable row level security, force row level security;
create policy invoices_admin on public.invoices for select to authenticated
  using (org_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'org_id')::uuid)
    and (select nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'org_role') = 'admin');
grant select on public.invoices to authenticated;
