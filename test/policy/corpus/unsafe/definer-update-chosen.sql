-- unsafe: a definer function changes the row of a key that the caller chooses
-- rows: insert into public.notes (id, user_id, body) values (:b, :b, 'of b')
-- as: authenticated a
-- query: select public.rename_note(:b, 'taken')
-- proof: select body from public.notes
-- returns: taken

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body), update (body), delete on public.notes to authenticated;
create policy notes_migrator on public.notes for all to migrator using (true) with check (true);
create function public.rename_note(note uuid, new_body text) returns void language sql security definer set search_path = '' as $$
  update public.notes set body = new_body where id = note and auth.uid() is not null
$$;
revoke all on function public.rename_note(uuid, text) from public;
grant execute on function public.rename_note(uuid, text) to authenticated;
