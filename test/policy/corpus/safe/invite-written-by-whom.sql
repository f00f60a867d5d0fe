-- safe: only an admin of the organisation invites into it, and the invited enters
-- rows: insert into public.organizations values ('11111111-1111-4111-8111-111111111111')
-- rows: ; insert into public.organization_members values ('11111111-1111-4111-8111-111111111111', :b, 'admin')
-- rows: ; insert into public.contracts (organization_id, body) values ('11111111-1111-4111-8111-111111111111', 'of b')
-- as: authenticated a
-- query: select 1; select count(*) from public.contracts
-- returns: 0

create table public.organizations (id uuid primary key default gen_random_uuid());
create table public.organization_members (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role text not null default 'member' check (role in ('admin', 'member')),
  primary key (organization_id, user_id)
);
create index on public.organization_members (user_id);
create table public.organization_invites (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  invited uuid not null references public.users (id) on delete cascade,
  invited_by uuid not null references public.users (id) on delete cascade,
  unique (organization_id, invited)
);
create index on public.organization_invites (invited);
create index on public.organization_invites (invited_by);
create table public.contracts (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  body text not null
);
create index on public.contracts (organization_id);
alter table public.organizations enable row level security, force row level security;
alter table public.organization_members enable row level security, force row level security;
alter table public.organization_invites enable row level security, force row level security;
alter table public.contracts enable row level security, force row level security;
create policy members_own on public.organization_members for select to authenticated
  using (user_id = (select auth.uid()));
create policy organizations_member on public.organizations for select to authenticated
  using (exists (
    select from public.organization_members m
    where m.organization_id = organizations.id and m.user_id = (select auth.uid())
  ));
create policy contracts_member on public.contracts for select to authenticated
  using (exists (
    select from public.organization_members m
    where m.organization_id = contracts.organization_id and m.user_id = (select auth.uid())
  ));
create policy invites_seen on public.organization_invites for select to authenticated
  using (invited = (select auth.uid()) or invited_by = (select auth.uid()));
create policy invites_written on public.organization_invites for insert to authenticated
  with check (
    invited_by = (select auth.uid())
    and exists (
      select from public.organization_members m
      where m.organization_id = organization_invites.organization_id
        and m.user_id = (select auth.uid()) and m.role = 'admin'
    )
  );
create policy members_enter on public.organization_members for insert to authenticated
  with check (
    user_id = (select auth.uid()) and role = 'member'
    and exists (
      select from public.organization_invites i
      where i.organization_id = organization_members.organization_id
        and i.invited = (select auth.uid())
    )
  );
grant select on public.organizations, public.contracts to authenticated;
grant select, insert (organization_id, invited, invited_by) on public.organization_invites to authenticated;
grant select, insert on public.organization_members to authenticated;
