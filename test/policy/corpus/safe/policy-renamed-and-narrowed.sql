-- safe: the project's policies get narrower
-- on: 001
-- rows: insert into public.sessions (user_id, started_at) values (:a, now()), (:b, now())
-- as: authenticated a
-- query: select count(*) from public.sessions
-- returns: 1

alter policy sessions_select_own on public.sessions
  using ((select auth.uid()) = user_id and started_at > now() - interval '1 year');
alter policy export_history_update_own on public.export_history to authenticated
  using ((select auth.uid()) = user_id and status = 'pending') with check ((select auth.uid()) = user_id and status = 'pending');
