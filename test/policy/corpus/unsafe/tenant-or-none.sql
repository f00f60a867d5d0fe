-- unsafe: tenant or no tenant in the claims
-- rows: insert into public.documents (tenant_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.documents
-- returns: 2

create table public.documents (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, title text);
alter table public.documents enable row level security, force row level security;
create policy tenant on public.documents for select to authenticated using (tenant_id = coalesce((nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'tenant_id')::uuid, tenant_id));
grant select on public.documents to authenticated;
