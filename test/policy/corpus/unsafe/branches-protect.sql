-- unsafe: one branch of a block forgets to force row level security
-- as: authenticated a
-- query: select relforcerowsecurity from pg_class where relname = 'notes'
-- returns: false

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id), body text not null);
create index on public.notes (user_id);
do $$
begin
  if current_setting('server_version_num')::integer >= 180000 then
    alter table public.notes enable row level security, force row level security;
  else
    alter table public.notes no force row level security;
    alter table public.notes enable row level security;
  end if;
end $$;
create policy own on public.notes for select to authenticated using ((select auth.uid()) = user_id);
grant select on public.notes to authenticated;
