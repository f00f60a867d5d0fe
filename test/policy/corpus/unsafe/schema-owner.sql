-- unsafe: end users own the schema
-- run-by: superuser
-- rows: insert into private.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: drop table private.notes
-- proof: select count(*) from pg_class where relname = 'notes'
-- returns: 0

create schema private authorization authenticated;
create table private.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  body text not null default ''
);
alter table private.notes enable row level security, force row level security;
grant select on private.notes to authenticated;
create policy notes_own on private.notes for select to authenticated using ((select auth.uid()) = user_id);
