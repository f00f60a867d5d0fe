-- unsafe: a definer trigger of a statement changes the rows of whom the added rows name
-- rows: insert into public.scores (user_id, points) values (:a, 7), (:b, 7)
-- as: authenticated a
-- query: insert into public.notes (user_id, recipient_id) values (:a, :b)
-- proof: select string_agg(points::text, ',' order by user_id) from public.scores
-- returns: 7,0

create table public.scores (
  user_id uuid primary key references public.users (id) on delete cascade,
  points integer not null default 0,
  motto text not null default ''
);
alter table public.scores enable row level security, force row level security;
create policy scores_own on public.scores for select to authenticated using ((select auth.uid()) = user_id);
create policy scores_migrator on public.scores for all to migrator using (true) with check (true);
grant select on public.scores to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default '',
  recipient_id uuid references public.users (id) on delete cascade
);
create index on public.notes (user_id);
create index on public.notes (recipient_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, recipient_id), delete on public.notes to authenticated;
create function public.count_added() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.scores s set points = 0 from added a where s.user_id = a.recipient_id;
  return null;
end $$;
revoke all on function public.count_added() from public;
create trigger count_added after insert on public.notes
  referencing new table as added for each statement execute function public.count_added();
