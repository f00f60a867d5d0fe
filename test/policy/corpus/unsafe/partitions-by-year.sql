-- unsafe: partitions of the next years, made in a loop, stay open
-- as: authenticated a
-- query: select relrowsecurity from pg_class where relname = 'visits_2029'
-- returns: false

create table public.visits (user_id uuid not null references public.users (id), day date not null) partition by range (day);
alter table public.visits enable row level security, force row level security;
create index on public.visits (user_id);
create policy own on public.visits for select to authenticated using (user_id = (select auth.uid()));
grant select on public.visits to authenticated;
do $$
begin
  for y in 2027..2030 loop
    execute format('create table public.visits_%s partition of public.visits for values from (%L) to (%L)', y, make_date(y, 1, 1), make_date(y + 1, 1, 1));
  end loop;
end $$;
