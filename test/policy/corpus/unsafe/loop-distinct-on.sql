-- unsafe: a loop over tables that takes one of each schema
-- rows: insert into public.betas (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.betas
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
    select distinct on (t.schemaname) t.tablename from pg_tables t
    where t.schemaname = 'public' and t.tablename in ('alphas', 'betas')
    order by t.schemaname, t.tablename
  loop
    execute format('alter table public.%I enable row level security', name);
    execute format('alter table public.%I force row level security', name);
    execute format(
      'create policy own on public.%I for select to authenticated using (user_id = (select auth.uid()))',
      name
    );
  end loop;
end $$;
