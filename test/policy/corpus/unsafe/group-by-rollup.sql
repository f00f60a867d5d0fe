-- unsafe: the total of `rollup` is a row over no rows
-- rows: insert into public.teams values ('11111111-1111-4111-8111-111111111111'); insert into public.notes (team_id) values ('11111111-1111-4111-8111-111111111111')
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid());
create table public.members (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (team_id, user_id)
);
create index on public.members (user_id);
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade
);
create index on public.notes (team_id);
alter table public.teams enable row level security, force row level security;
alter table public.members enable row level security, force row level security;
alter table public.notes enable row level security, force row level security;
create policy members_own on public.members for select to authenticated
  using (user_id = (select auth.uid()));
create policy notes_team on public.notes for select to authenticated
  using (exists (
    select m.team_id from public.members m
    where m.team_id = notes.team_id and m.user_id = (select auth.uid())
    group by rollup (m.team_id)
  ));
grant select on public.members, public.notes to authenticated;
