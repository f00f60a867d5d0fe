-- safe: a helper that counts own rows by a common table expression
-- rows: insert into public.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select public.note_count()
-- returns: 1

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
create function public.note_count() returns bigint language sql stable security definer set search_path = '' as $$
  with mine as (select n.id from public.notes n where n.user_id = (select auth.uid()))
  select count(*) from mine
$$;
revoke all on function public.note_count() from public;
grant execute on function public.note_count() to authenticated;
