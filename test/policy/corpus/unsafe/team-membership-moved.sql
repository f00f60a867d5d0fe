-- unsafe: users move their own membership to another team
-- rows: insert into public.organizations (id) values (:a), (:b); insert into public.memberships values (:a, :a), (:b, :b); insert into public.documents (org_id, created_by) values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: update public.memberships set org_id = :b where user_id = :a; select count(*) from public.documents
-- returns: 1

create table public.organizations (id uuid primary key default gen_random_uuid(), name text);
create table public.memberships (
  org_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role text not null default 'member',
  primary key (org_id, user_id)
);
create index on public.memberships (user_id);
create table public.documents (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id) on delete cascade,
  created_by uuid not null references public.users (id),
  title text
);
create index on public.documents (org_id);
create index on public.documents (created_by);
alter table public.organizations enable row level security, force row level security;
alter table public.memberships enable row level security, force row level security;
alter table public.documents enable row level security, force row level security;
create policy memberships_own on public.memberships for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.memberships to authenticated;
create policy memberships_change on public.memberships for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant update on public.memberships to authenticated;
create policy documents_read on public.documents for select to authenticated
  using (org_id in (select m.org_id from public.memberships m where m.user_id = (select auth.uid())));
grant select on public.documents to authenticated;
