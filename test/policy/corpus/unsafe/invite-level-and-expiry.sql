-- unsafe: the invited enters by a policy that does not compare the level
-- rows: insert into public.groups values ('11111111-1111-4111-8111-111111111111')
-- rows: ; insert into public.group_people values ('11111111-1111-4111-8111-111111111111', :b, 'lead')
-- rows: ; insert into public.group_invites (group_id, guest, level, expires_at) values ('11111111-1111-4111-8111-111111111111', :a, 'reader', now() + interval '1 day')
-- rows: ; insert into public.group_budgets (group_id, cents) values ('11111111-1111-4111-8111-111111111111', 7)
-- as: authenticated a
-- query: insert into public.group_people values ('11111111-1111-4111-8111-111111111111', :a, 'lead'); select count(*) from public.group_budgets
-- returns: 1

create table public.groups (id uuid primary key default gen_random_uuid());
create table public.group_people (
  group_id uuid not null references public.groups (id) on delete cascade,
  person uuid not null references public.users (id) on delete cascade,
  level text not null check (level in ('lead', 'reader')),
  primary key (group_id, person)
);
create index on public.group_people (person);
create table public.group_invites (
  group_id uuid not null references public.groups (id) on delete cascade,
  guest uuid not null references public.users (id) on delete cascade,
  level text not null check (level in ('lead', 'reader')),
  expires_at timestamptz not null default now() + interval '7 days',
  primary key (group_id, guest)
);
create index on public.group_invites (guest);
create table public.group_budgets (
  id bigint generated always as identity primary key,
  group_id uuid not null references public.groups (id) on delete cascade,
  cents integer not null
);
create index on public.group_budgets (group_id);
alter table public.groups enable row level security, force row level security;
alter table public.group_people enable row level security, force row level security;
alter table public.group_invites enable row level security, force row level security;
alter table public.group_budgets enable row level security, force row level security;
create policy people_self on public.group_people for select to authenticated
  using (person = (select auth.uid()));
create policy invites_guest on public.group_invites for select to authenticated
  using (guest = (select auth.uid()));
create policy groups_people on public.groups for select to authenticated
  using (id in (select p.group_id from public.group_people p where p.person = (select auth.uid())));
create policy budgets_lead on public.group_budgets for select to authenticated
  using (exists (
    select from public.group_people p
    where p.group_id = group_budgets.group_id and p.person = (select auth.uid()) and p.level = 'lead'
  ));
create policy people_enter on public.group_people for insert to authenticated
  with check (
    person = (select auth.uid())
    and exists (
      select from public.group_invites i
      where i.group_id = group_people.group_id and i.guest = (select auth.uid())
        and i.expires_at > now()
    )
  );
grant select on public.groups, public.group_invites, public.group_budgets to authenticated;
grant select, insert on public.group_people to authenticated;
