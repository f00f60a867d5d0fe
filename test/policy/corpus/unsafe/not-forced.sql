-- unsafe: enabled and not forced: the owner's function reads everything
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select public.note_count()
-- returns: 2

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security;
create index on public.notes (user_id);
create policy notes_select on public.notes
  for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.notes to authenticated;
create function public.note_count() returns bigint language sql security definer set search_path = ''
  as 'select count(*) from public.notes';
revoke all on function public.note_count() from public;
grant execute on function public.note_count() to authenticated;
