-- unsafe: the function of an earlier trigger is replaced by one that also counts for who had no session yet
-- on: 001
-- rows: insert into public.user_progress (user_id) values (:b); insert into public.sessions (user_id, started_at) values (:a, now())
-- as: authenticated a
-- query: update public.sessions set ended_at = now()
-- proof: select total_sessions from public.user_progress where user_id = :b
-- returns: 1

create or replace function public.update_user_progress_from_session() returns trigger
  language plpgsql security definer set search_path = '' as $$
begin
  update public.user_progress p set total_sessions = p.total_sessions + 1
  where p.user_id = new.user_id or p.last_session_id is null;
  return null;
end $$;
