-- unsafe: of the partitions whose names a variable holds, each second one is protected
-- as: authenticated a
-- query: select relrowsecurity from pg_class where relname = 'pings_2027_02'
-- returns: false

create table public.pings (user_id uuid not null references public.users (id), month int not null) partition by list (month);
alter table public.pings enable row level security, force row level security;
create index on public.pings (user_id);
create policy own on public.pings for select to authenticated using (user_id = (select auth.uid()));
grant select on public.pings to authenticated;
do $$
declare
  part text;
begin
  for m in 1..12 loop
    part := 'pings_2027_' || lpad(m::text, 2, '0');
    execute format('create table public.%I partition of public.pings for values in (%s)', part, m);
  end loop;
  for m in 1..12 by 2 loop
    part := 'pings_2027_' || lpad(m::text, 2, '0');
    execute format('alter table public.%I enable row level security, force row level security', part);
  end loop;
end $$;
