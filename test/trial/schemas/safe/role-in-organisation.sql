-- why: a helper asks for one of some roles

create table public.orgs (
  id uuid primary key default gen_random_uuid(),
  name text
);
create table public.org_members (
  org_id uuid not null references public.orgs (id),
  user_id uuid not null references public.users (id),
  role text not null default 'member',
  primary key (org_id, user_id)
);
create index on public.org_members (user_id);
create table public.projects (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id) on delete cascade,
  name text
);
create index on public.projects (org_id);
alter table public.orgs enable row level security, force row level security;
alter table public.org_members enable row level security, force row level security;
alter table public.projects enable row level security, force row level security;
create policy m on public.org_members for select to migrator using (true);
create or replace function public.has_org_role(_org_id uuid, _roles text[]) returns boolean
  language sql stable security definer set search_path = public, pg_temp
  as $$ select exists (select 1 from public.org_members where org_id = _org_id
    and user_id = auth.uid() and role = any (_roles)); $$;
revoke all on function public.has_org_role(uuid, text[]) from public, anon;
grant execute on function public.has_org_role(uuid, text[]) to authenticated;
create policy own on public.org_members for select to authenticated
  using (user_id = (select auth.uid()));
create policy sel on public.projects for select to authenticated
  using (public.has_org_role(org_id, array['admin', 'member']));
create policy upd on public.projects for update to authenticated
  using (public.has_org_role(org_id, array['admin']))
  with check (public.has_org_role(org_id, array['admin']));
create policy ins on public.projects for insert to authenticated
  with check (public.has_org_role(org_id, array['admin']));
grant select, insert, update on public.projects to authenticated;
grant select on public.org_members to authenticated;
