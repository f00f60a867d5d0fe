-- unsafe: whoever gives kudos empties the score of whom they name
-- rows: insert into public.scores (user_id, points) values (:a, 7), (:b, 7)
-- as: authenticated a
-- query: insert into public.kudos (user_id, recipient_id) values (:a, :b)
-- proof: select points from public.scores where user_id = :b
-- returns: 0

create table public.scores (
  user_id uuid primary key references public.users (id) on delete cascade,
  points integer not null default 0
);
alter table public.scores enable row level security, force row level security;
create policy scores_own on public.scores for select to authenticated using ((select auth.uid()) = user_id);
create policy scores_migrator on public.scores for all to migrator using (true) with check (true);
grant select on public.scores to authenticated;
create table public.kudos (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  recipient_id uuid not null references public.users (id) on delete cascade
);
create index on public.kudos (user_id);
create index on public.kudos (recipient_id);
alter table public.kudos enable row level security, force row level security;
create policy kudos_own on public.kudos for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, recipient_id) on public.kudos to authenticated;
create function public.kudos_given() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.scores set points = 0 where user_id = new.recipient_id;
  return null;
end $$;
revoke all on function public.kudos_given() from public;
create trigger kudos_given after insert on public.kudos for each row execute function public.kudos_given();
