-- unsafe: a table of 001 loses its protection
-- on: 001
-- rows: insert into public.user_progress (user_id) values (:a), (:b) on conflict do nothing
-- as: authenticated a
-- query: select count(*) from public.user_progress
-- returns: 2

alter table public.user_progress disable row level security;
