-- safe: partitions by month, of months that are over
-- rows: insert into public.calls (caller, day) values (:a, '2019-01-05'), (:b, '2019-02-05')
-- as: authenticated a
-- query: select count(*) from public.calls
-- returns: 1

create table public.calls (
  caller uuid not null references public.users (id) on delete cascade,
  day date not null
) partition by range (day);
create index on public.calls (caller);
create table public.calls_2019_01 partition of public.calls for values from ('2019-01-01') to ('2019-02-01');
create table public.calls_2019_02 partition of public.calls for values from ('2019-02-01') to ('2019-03-01');
alter table public.calls enable row level security, force row level security;
alter table public.calls_2019_01 enable row level security, force row level security;
alter table public.calls_2019_02 enable row level security, force row level security;
create policy calls_own on public.calls for select to authenticated using (caller = (select auth.uid()));
grant select on public.calls to authenticated;
