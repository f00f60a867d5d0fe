-- safe: an invitation is seen by the invited and by who wrote it
-- rows: insert into public.crews (id, captain) values ('11111111-1111-4111-8111-111111111111', :b)
-- rows: ; insert into public.crew_invitations (crew_id, sailor, words) values ('11111111-1111-4111-8111-111111111111', :b, 'hidden')
-- as: authenticated a
-- query: select count(*) from public.crew_invitations
-- returns: 0

create table public.crews (
  id uuid primary key default gen_random_uuid(),
  captain uuid not null references public.users (id) on delete cascade
);
create index on public.crews (captain);
create table public.crew_invitations (
  crew_id uuid not null references public.crews (id) on delete cascade,
  sailor uuid not null references public.users (id) on delete cascade,
  words text,
  accepted_at timestamptz,
  primary key (crew_id, sailor)
);
create index on public.crew_invitations (sailor);
alter table public.crews enable row level security, force row level security;
alter table public.crew_invitations enable row level security, force row level security;
create policy crews_captain on public.crews for select to authenticated
  using (captain = (select auth.uid()));
create policy invitations_seen on public.crew_invitations for select to authenticated
  using (
    sailor = (select auth.uid()) and accepted_at is null
    or exists (
      select from public.crews c where c.id = crew_invitations.crew_id and c.captain = (select auth.uid())
    )
  );
grant select on public.crews, public.crew_invitations to authenticated;
