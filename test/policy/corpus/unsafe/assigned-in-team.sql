-- unsafe: tasks of a squad, moved to another squad by whom they are assigned to
-- rows: insert into public.squads values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.squad_people values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.errands (squad_id, assignee) values ('11111111-1111-4111-8111-111111111111', :a)
-- as: authenticated a
-- query: update public.errands set squad_id = '22222222-2222-4222-8222-222222222222'
-- proof: select squad_id from public.errands
-- returns: 22222222-2222-4222-8222-222222222222

create table public.squads (id uuid primary key default gen_random_uuid());
create table public.squad_people (
  squad_id uuid not null references public.squads (id) on delete cascade,
  person_id uuid not null references public.users (id) on delete cascade,
  primary key (squad_id, person_id)
);
create index on public.squad_people (person_id);
create table public.errands (
  id uuid primary key default gen_random_uuid(),
  squad_id uuid not null references public.squads (id) on delete cascade,
  assignee uuid references public.users (id) on delete set null,
  done boolean not null default false
);
create index on public.errands (squad_id);
create index on public.errands (assignee);
alter table public.squads enable row level security, force row level security;
alter table public.squad_people enable row level security, force row level security;
alter table public.errands enable row level security, force row level security;
create policy squad_people_own on public.squad_people for select to authenticated
  using (person_id = (select auth.uid()));
create policy errands_squad on public.errands for select to authenticated
  using (
    assignee = (select auth.uid())
    or squad_id in (select p.squad_id from public.squad_people p where p.person_id = (select auth.uid()))
  );
create policy errands_done on public.errands for update to authenticated
  using (assignee = (select auth.uid())) with check (assignee = (select auth.uid()));
grant select on public.squad_people to authenticated;
grant select, update (done, squad_id) on public.errands to authenticated;
