-- safe: a definer trigger writes the score of the writer into the row that is written
-- rows: insert into public.scores (user_id, points) values (:a, 7), (:b, 8)
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:a, 'x') returning body
-- returns: x (7)

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
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body), delete on public.notes to authenticated;
create function public.note_score() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  own integer;
begin
  select s.points into own from public.scores s where s.user_id = new.user_id;
  new.body := format('%s (%s)', new.body, own);
  return new;
end $$;
revoke all on function public.note_score() from public;
create trigger note_score before insert on public.notes
  for each row execute function public.note_score();
