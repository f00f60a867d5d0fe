-- unsafe: the user is asked for in a column that is generated from what anybody writes
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, :a)
-- as: authenticated a
-- query: select count(*) from public.notes where user_id <> auth.uid()
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null,
  owner_key text generated always as (body) stored
);
create index on public.notes (user_id);
create index on public.notes (owner_key);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid())::text = owner_key or (select auth.uid()) = user_id)
  with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body) on public.notes to authenticated;
