-- unsafe: a loop over tables that leaves out the first
-- rows: insert into public.alphas (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.alphas
-- returns: 1

create table public.alphas (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.alphas (user_id);
create table public.betas (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.betas (user_id);
grant select on public.alphas, public.betas to authenticated;
do $$
declare
  name text;
begin
  for name in
    select t.tablename from pg_tables t
    where t.schemaname = 'public' and t.tablename in ('alphas', 'betas')
    order by t.tablename offset 1
  loop
    execute format('alter table public.%I enable row level security', name);
    execute format('alter table public.%I force row level security', name);
    execute format(
      'create policy own on public.%I for select to authenticated using (user_id = (select auth.uid()))',
      name
    );
  end loop;
end $$;
