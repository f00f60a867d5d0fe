-- unsafe: a table of 001 is opened
-- on: 001
-- rows: insert into public.user_progress (user_id) values (:a), (:b) on conflict do nothing
-- as: authenticated a
-- query: select count(*) from public.user_progress
-- returns: 2

create policy progress_all on public.user_progress for select to authenticated using (true);
