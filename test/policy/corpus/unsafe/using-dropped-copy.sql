-- unsafe: the user is asked for in a column that is no longer a copy of the owner
-- rows: insert into public.notes (user_id, body, owner_key) values (:a, 'of a', :a), (:b, 'of b', :a)
-- as: authenticated a
-- query: select count(*) from public.notes where user_id <> auth.uid()
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null,
  owner_key text generated always as (user_id::text) stored
);
create index on public.notes (user_id);
create index on public.notes (owner_key);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid())::text = owner_key) with check ((select auth.uid())::text = owner_key);
grant select, insert (user_id, body) on public.notes to authenticated;
alter table public.notes alter column owner_key drop expression;
