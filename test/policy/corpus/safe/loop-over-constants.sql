-- safe: loops over unnest, values and a declared array
-- rows: insert into public.a1 (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.a1
-- returns: 1

create table public.a1 (user_id uuid not null references public.users (id));
create table public.a2 (user_id uuid not null references public.users (id));
create table public.a3 (user_id uuid not null references public.users (id));
do $$
declare
  t text;
  who constant text := 'authenticated';
  names text[] := array['a1', 'a2', 'a3'];
begin
  for t in select unnest(array['a1', 'a2', 'a3']) loop
    execute format('alter table public.%I enable row level security', t);
  end loop;
  foreach t in array names loop
    execute format('alter table public.%I force row level security', t);
    execute format('create policy own on public.%I for select to %I using (user_id = (select auth.uid()))', t, who);
  end loop;
  for t in select x from unnest('{a1,a2}'::text[]) as x loop
    execute 'grant select on public.' || quote_ident(t) || ' to ' || who;
  end loop;
end
$$;
