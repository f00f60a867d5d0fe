-- unsafe: documents of every team that has a member, not of the user's
-- rows: insert into public.organizations (id) values (:a), (:b); insert into public.memberships values (:a, :a), (:b, :b); insert into public.documents (org_id, created_by) values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: select count(*) from public.documents
-- returns: 2

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
create policy memberships_migrator on public.memberships for select to migrator using (true);
create function public.team_ids() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select m.org_id from public.memberships m where m.role = 'member'
$$;
revoke all on function public.team_ids() from public;
grant execute on function public.team_ids() to authenticated;
create policy documents_read on public.documents for select to authenticated
  using (org_id in (select public.team_ids()));
grant select on public.documents to authenticated;
