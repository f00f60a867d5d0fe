-- safe: the partitions whose names a variable holds are protected one by one
-- rows: insert into public.pings (user_id, month) values (:a, 2), (:b, 2)
-- as: authenticated a
-- query: select count(*) from public.pings
-- returns: 1

create table public.pings (user_id uuid not null references public.users (id), month int not null) partition by list (month);
alter table public.pings enable row level security, force row level security;
create index on public.pings (user_id);
create policy own on public.pings for select to authenticated using (user_id = (select auth.uid()));
grant select on public.pings to authenticated;
do $$
begin
  for m in 1..12 loop
    declare
      part constant text := 'pings_2027_' || lpad(m::text, 2, '0');
    begin
      execute format('create table public.%I partition of public.pings for values in (%s)', part, m);
      execute format('alter table public.%I enable row level security, force row level security', part);
    end;
  end loop;
end $$;
