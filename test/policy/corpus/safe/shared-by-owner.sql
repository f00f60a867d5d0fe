-- safe: a list of shares that only the note's owner writes
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create table public.note_shares (
  note_id uuid not null references public.notes (id) on delete cascade,
  shared_with uuid not null references public.users (id) on delete cascade,
  primary key (note_id, shared_with)
);
create index on public.note_shares (shared_with);
alter table public.note_shares enable row level security, force row level security;
create function public.owns_note(note uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.notes n where n.id = note and n.user_id = (select auth.uid()))
$$;
revoke all on function public.owns_note(uuid) from public;
grant execute on function public.owns_note(uuid) to authenticated;
create policy notes_migrator on public.notes for select to migrator using (true);
create policy shares_read on public.note_shares for select to authenticated
  using (shared_with = (select auth.uid()) or public.owns_note(note_id));
create policy shares_insert on public.note_shares for insert to authenticated
  with check (public.owns_note(note_id));
create policy shares_delete on public.note_shares for delete to authenticated
  using (public.owns_note(note_id));
grant select, insert, delete on public.note_shares to authenticated;
create policy notes_read on public.notes for select to authenticated
  using (user_id = (select auth.uid()) or exists (
    select from public.note_shares s where s.note_id = notes.id and s.shared_with = (select auth.uid())));
create policy notes_insert on public.notes for insert to authenticated with check (user_id = (select auth.uid()));
create policy notes_update on public.notes for update to authenticated using (user_id = (select auth.uid()));
grant select, insert (user_id, body), update (body) on public.notes to authenticated;
