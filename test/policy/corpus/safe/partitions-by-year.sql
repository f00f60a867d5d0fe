-- safe: partitions of the next years, made and protected in a loop
-- rows: insert into public.visits (user_id, day) values (:a, '2028-05-01'), (:b, '2028-05-01')
-- as: authenticated a
-- query: select count(*) from public.visits
-- returns: 1

create table public.visits (user_id uuid not null references public.users (id), day date not null) partition by range (day);
alter table public.visits enable row level security, force row level security;
create index on public.visits (user_id);
create policy own on public.visits for select to authenticated using (user_id = (select auth.uid()));
grant select on public.visits to authenticated;
do $$
declare
  first constant int := 2027;
begin
  for y in reverse first + 3..first loop
    execute format('create table public.visits_%s partition of public.visits for values from (%L) to (%L)', y, make_date(y, 1, 1), make_date(y + 1, 1, 1));
    execute format('alter table public.visits_%s enable row level security, force row level security', y);
  end loop;
end $$;
