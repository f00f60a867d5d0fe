-- unsafe: tenant from user_metadata
-- rows: insert into public.documents (tenant_id) values (:a), (:b)
-- as: authenticated a {"user_metadata": {"tenant_id": "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"}}
-- query: select count(*) from public.documents
-- returns: 1

create table public.documents (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, title text);
create index on public.documents (tenant_id);
alter table public.documents enable row level security, force row level security;
create policy tenant on public.documents for select to authenticated using (tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'user_metadata' ->> 'tenant_id')::uuid));
grant select on public.documents to authenticated;
