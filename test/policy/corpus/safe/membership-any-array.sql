-- safe: any (array (select …))
-- rows: insert into public.orgs (id) values (:a), (:b); insert into public.org_members values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: select count(*) from public.orgs
-- returns: 1

create table public.orgs (id uuid primary key default gen_random_uuid(), name text);
create table public.org_members (org_id uuid not null references public.orgs (id), user_id uuid not null references public.users (id), primary key (org_id, user_id));
create index on public.org_members (user_id);
alter table public.orgs enable row level security, force row level security;
alter table public.org_members enable row level security, force row level security;
create policy org_members_own on public.org_members for select to authenticated using (user_id = (select auth.uid()));
create policy orgs_member on public.orgs for select to authenticated using (id = any (array(select org_id from public.org_members where user_id = (select auth.uid()))));
grant select on public.orgs, public.org_members to authenticated;
