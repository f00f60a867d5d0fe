-- unsafe: a definer trigger writes the motto of whom the written text names into the row
-- rows: insert into public.scores (user_id, motto) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: insert into public.notes (user_id, body) values (:a, :b) returning body
-- returns: of b

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
  found_one text;
begin
  select s.motto into found_one from public.scores s where s.user_id::text = new.body;
  new.body := coalesce(found_one, new.body);
  return new;
end $$;
revoke all on function public.note_score() from public;
create trigger note_score before insert on public.notes
  for each row execute function public.note_score();
