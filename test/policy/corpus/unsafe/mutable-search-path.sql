-- unsafe: names that the caller chooses
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from pg_proc where proname = 'me' and proconfig is null
-- returns: 1

create schema app_code;
grant usage on schema app_code to authenticated;
create function app_code.me() returns uuid language plpgsql stable as $$ begin return auth.uid(); end $$;
revoke all on function app_code.me() from public;
grant execute on function app_code.me() to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.notes to authenticated;
