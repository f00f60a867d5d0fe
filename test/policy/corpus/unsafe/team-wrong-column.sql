-- unsafe: the number of a membership is taken for that of a team
-- rows: insert into public.organizations (id) values (1), (2); insert into public.memberships (org_id, user_id) values (1, :b), (1, :a); insert into public.documents (org_id, created_by) values (2, :b)
-- as: authenticated a
-- query: select count(*) from public.documents
-- returns: 1

create table public.organizations (id bigint primary key, name text);
create table public.memberships (
  org_id bigint not null references public.organizations (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  id bigint generated always as identity primary key,
  unique (org_id, user_id)
);
create index on public.memberships (user_id);
create table public.documents (
  id uuid primary key default gen_random_uuid(),
  org_id bigint not null references public.organizations (id) on delete cascade,
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
create policy documents_read on public.documents for select to authenticated
  using (org_id in (select m.id from public.memberships m where m.user_id = (select auth.uid())));
grant select on public.documents to authenticated;
