create table public.journeys (
  rider uuid not null references public.users (id) on delete cascade,
  began timestamptz not null,
  metres integer not null check (metres >= 0)
) partition by range (began);
create index on public.journeys (rider);
create table public.journeys_2001 partition of public.journeys for values from ('2001-01-01') to ('2002-01-01');
alter table public.journeys enable row level security, force row level security;
alter table public.journeys_2001 enable row level security, force row level security;
create policy journeys_own on public.journeys for all to authenticated
  using (rider = (select auth.uid())) with check (metres >= 0);
grant select, delete, insert (rider, began, metres), update (metres) on public.journeys to authenticated;
