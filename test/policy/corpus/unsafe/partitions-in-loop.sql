-- unsafe: partitions made in a loop of numbers stay open
-- rows: insert into public.hits (user_id, day) values (:b, 1)
-- as: authenticated a
-- query: select relrowsecurity from pg_class where relname = 'hits_0'
-- returns: false

create table public.hits (user_id uuid not null references public.users (id), day int not null) partition by hash (user_id);
alter table public.hits enable row level security, force row level security;
create policy own on public.hits for select to authenticated using (user_id = (select auth.uid()));
grant select on public.hits to authenticated;
do $$
begin
  for i in 0..3 loop
    execute format('create table public.hits_%s partition of public.hits for values with (modulus 4, remainder %s)', i, i);
  end loop;
end $$;
