-- safe: partitions by list, none of them for the rest
-- rows: insert into public.visits (client_id, region) values (:a, 'eu'), (:b, 'us')
-- as: authenticated a
-- query: select count(*) from public.visits
-- returns: 1

create table public.visits (
  client_id uuid not null references public.users (id) on delete cascade,
  region text not null
) partition by list (region);
create index on public.visits (client_id);
create table public.visits_eu partition of public.visits for values in ('eu', 'uk');
create table public.visits_us partition of public.visits for values in ('us');
alter table public.visits enable row level security, force row level security;
alter table public.visits_eu enable row level security, force row level security;
alter table public.visits_us enable row level security, force row level security;
create policy visits_own on public.visits for select to authenticated using (client_id = (select auth.uid()));
grant select on public.visits to authenticated;
