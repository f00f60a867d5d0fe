-- unsafe: who sits in a workspace may change the level of their seat
-- rows: insert into public.workspaces values ('11111111-1111-4111-8111-111111111111')
-- rows: ; insert into public.seats (workspace, holder, level) values ('11111111-1111-4111-8111-111111111111', :a, 1), ('11111111-1111-4111-8111-111111111111', :b, 9)
-- rows: ; insert into public.salaries (workspace, amount) values ('11111111-1111-4111-8111-111111111111', 5000)
-- as: authenticated a
-- query: update public.seats set level = 9 where holder = :a; select count(*) from public.salaries
-- returns: 1

create table public.workspaces (id uuid primary key default gen_random_uuid());
create table public.seats (
  workspace uuid not null references public.workspaces (id) on delete cascade,
  holder uuid not null references public.users (id) on delete cascade,
  level smallint not null default 1 check (level in (1, 5, 9)),
  note text,
  primary key (workspace, holder)
);
create index on public.seats (holder);
create table public.salaries (
  id bigint generated always as identity primary key,
  workspace uuid not null references public.workspaces (id) on delete cascade,
  amount integer not null
);
create index on public.salaries (workspace);
alter table public.workspaces enable row level security, force row level security;
alter table public.seats enable row level security, force row level security;
alter table public.salaries enable row level security, force row level security;
create policy seats_mine on public.seats for select to authenticated
  using (holder = (select auth.uid()));
create policy seats_mine_update on public.seats for update to authenticated
  using (holder = (select auth.uid())) with check (holder = (select auth.uid()));
create policy workspaces_seated on public.workspaces for select to authenticated
  using (id in (select s.workspace from public.seats s where s.holder = (select auth.uid())));
create policy salaries_top on public.salaries for select to authenticated
  using (exists (
    select from public.seats s
    where s.workspace = salaries.workspace and s.holder = (select auth.uid()) and s.level >= 9
  ));
grant select on public.workspaces, public.salaries to authenticated;
grant select, update (note, level) on public.seats to authenticated;
