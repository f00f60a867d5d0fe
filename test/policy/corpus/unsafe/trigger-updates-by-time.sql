-- unsafe: whoever closes their own round empties the scores of all who were idle for long
-- rows: insert into public.scores (user_id, points, seen_at) values (:b, 7, '2020-01-01'); insert into public.rounds (user_id) values (:a)
-- as: authenticated a
-- query: update public.rounds set closed_at = '2999-01-01'
-- proof: select points from public.scores where user_id = :b
-- returns: 0

create table public.scores (
  user_id uuid primary key references public.users (id) on delete cascade,
  points integer not null default 0,
  seen_at timestamptz not null default now()
);
alter table public.scores enable row level security, force row level security;
create policy scores_own on public.scores for select to authenticated using ((select auth.uid()) = user_id);
create policy scores_migrator on public.scores for all to migrator using (true) with check (true);
grant select on public.scores to authenticated;
create table public.rounds (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  closed_at timestamptz
);
create index on public.rounds (user_id);
alter table public.rounds enable row level security, force row level security;
create policy rounds_own on public.rounds for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, update (closed_at) on public.rounds to authenticated;
create function public.forget_idle() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.scores s set points = 0 where s.seen_at < new.closed_at - interval '1 year';
  return null;
end $$;
revoke all on function public.forget_idle() from public;
create trigger forget_idle after update of closed_at on public.rounds for each row execute function public.forget_idle();
