-- unsafe: a definer function that reads through a cursor
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select public.first_note()
-- returns: of b

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
create policy notes_migrator on public.notes for select to migrator using (true);
create function public.first_note() returns text language plpgsql security definer set search_path = '' as $$
declare
  all_notes cursor for select n.body from public.notes n order by n.body;
  found_body text;
begin
  open all_notes;
  fetch all_notes into found_body;
  close all_notes;
  return found_body;
end $$;
revoke all on function public.first_note() from public;
grant execute on function public.first_note() to authenticated;
