-- safe: admins of a team add members to it, nobody to another
-- rows: insert into public.organizations (id) values (:a), (:b); insert into public.memberships values (:a, :a, 'admin'), (:b, :b, 'admin'); insert into public.documents (org_id, created_by) values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: insert into public.memberships values (:a, :b); select count(*) from public.documents
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
create policy memberships_migrator on public.memberships for select to migrator using (true);
create function public.is_admin(org uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select 1 from public.memberships m
    where m.org_id = org and m.user_id = (select auth.uid()) and m.role = 'admin'
  )
$$;
revoke all on function public.is_admin(uuid) from public;
grant execute on function public.is_admin(uuid) to authenticated;
create function public.is_member(org uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select 1 from public.memberships m where m.org_id = org and m.user_id = (select auth.uid())
  )
$$;
revoke all on function public.is_member(uuid) from public;
grant execute on function public.is_member(uuid) to authenticated;
create policy memberships_team on public.memberships for select to authenticated
  using (public.is_member(org_id));
create policy memberships_invite on public.memberships for insert to authenticated
  with check (public.is_admin(org_id));
grant select, insert on public.memberships to authenticated;
create policy documents_read on public.documents for select to authenticated
  using (public.is_member(org_id));
grant select on public.documents to authenticated;
