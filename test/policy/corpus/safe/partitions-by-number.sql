-- safe: partitions by ranges of numbers, far from one
-- rows: insert into public.readings (client_id, shard) values (:a, 1500), (:b, 2500)
-- as: authenticated a
-- query: select count(*) from public.readings
-- returns: 1

create table public.readings (
  client_id uuid not null references public.users (id) on delete cascade,
  shard integer not null
) partition by range (shard);
create index on public.readings (client_id);
create table public.readings_1 partition of public.readings for values from (1000) to (2000);
create table public.readings_2 partition of public.readings for values from (2000) to (3000);
alter table public.readings enable row level security, force row level security;
alter table public.readings_1 enable row level security, force row level security;
alter table public.readings_2 enable row level security, force row level security;
create policy readings_own on public.readings for select to authenticated using (client_id = (select auth.uid()));
grant select on public.readings to authenticated;
