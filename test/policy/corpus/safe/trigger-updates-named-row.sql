-- safe: whoever closes their own round is given points, through a row that it names
-- rows: insert into public.scores (user_id) values (:a), (:b); insert into public.seats (id, user_id) values (:a, :a); insert into public.rounds (user_id, seat_id) values (:a, :a)
-- as: authenticated a
-- query: update public.rounds set closed_at = '2999-01-01'
-- proof: select string_agg(points::text, ',' order by user_id) from public.scores
-- returns: 1,0

create table public.scores (
  user_id uuid primary key references public.users (id) on delete cascade,
  points integer not null default 0
);
create table public.seats (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.seats (user_id);
create table public.rounds (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  seat_id uuid not null references public.seats (id) on delete cascade,
  closed_at timestamptz
);
create index on public.rounds (user_id);
create index on public.rounds (seat_id);
alter table public.scores enable row level security, force row level security;
alter table public.seats enable row level security, force row level security;
alter table public.rounds enable row level security, force row level security;
create policy scores_own on public.scores for select to authenticated using ((select auth.uid()) = user_id);
create policy scores_migrator on public.scores for all to migrator using (true) with check (true);
create policy seats_own on public.seats for select to authenticated using ((select auth.uid()) = user_id);
create policy seats_migrator on public.seats for select to migrator using (true);
create policy rounds_own on public.rounds for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select on public.scores, public.seats to authenticated;
grant select, update (closed_at) on public.rounds to authenticated;
create function public.score_round() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.scores s set points = s.points + 1 from public.seats t where t.id = new.seat_id and s.user_id = t.user_id;
  return null;
end $$;
revoke all on function public.score_round() from public;
create trigger score_round after update of closed_at on public.rounds for each row execute function public.score_round();
