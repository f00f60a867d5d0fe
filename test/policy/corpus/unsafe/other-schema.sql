-- unsafe: a table in a schema of its own
-- rows: insert into archive.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from archive.notes
-- returns: 2

create schema archive;
grant usage on schema archive to authenticated;
create table archive.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
grant select on archive.notes to authenticated;
