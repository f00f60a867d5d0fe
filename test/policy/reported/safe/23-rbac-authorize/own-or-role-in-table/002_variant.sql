create table public.staff_roles (
  user_id uuid not null references public.users (id) on delete cascade,
  role text not null check (role in ('editor', 'janitor')),
  primary key (user_id, role)
);
create table public.guides (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.guides (user_id);
alter table public.staff_roles enable row level security, force row level security;
alter table public.guides enable row level security, force row level security;
create policy staff_roles_own on public.staff_roles for select to authenticated using (user_id = (select auth.uid()));
create policy guides_own on public.guides for all to authenticated
  using (user_id = (select auth.uid()))
  with check (
    user_id = (select auth.uid())
    and exists (select from public.staff_roles r where r.user_id = (select auth.uid()) and r.role = 'editor')
  );
grant select on public.staff_roles to authenticated;
grant select, delete, insert (user_id, body), update (body) on public.guides to authenticated;
