-- unsafe: a user's table becomes the child of one that everybody reads
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select body from public.entries
-- returns: of b

create table public.entries (body text not null default '');
alter table public.entries enable row level security, force row level security;
create policy entries_read on public.entries for select to authenticated using (true);
grant select on public.entries to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body), update (body), delete on public.notes to authenticated;
alter table public.notes inherit public.entries;
