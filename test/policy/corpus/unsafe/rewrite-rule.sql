-- unsafe: a rule copies rows as its owner
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:a, 'x')
-- proof: select count(*) from public.feed where user_id = :b and body = 'x'
-- returns: 1

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
create table public.feed (
  user_id uuid not null references public.users (id),
  body text
);
alter table public.feed enable row level security, force row level security;
create policy feed_migrator on public.feed for all to migrator using (true) with check (true);
create policy notes_insert on public.notes for insert to authenticated with check ((select auth.uid()) = user_id);
grant insert on public.notes to authenticated;
create rule to_feed as on insert to public.notes
  do also insert into public.feed values ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', new.body);
