-- safe: an invoker view on an invoker view
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.short_notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null,
  archived_at timestamptz
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
create view public.open_notes with (security_invoker = true) as
  select n.id, n.body from public.notes n where n.archived_at is null;
create view public.short_notes with (security_invoker = true) as
  select o.id, left(o.body, 20) as words from public.open_notes o;
grant select on public.notes, public.open_notes, public.short_notes to authenticated;
