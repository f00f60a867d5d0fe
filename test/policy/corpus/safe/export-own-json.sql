-- safe: everything of the caller's as one document
-- rows: insert into public.notes (user_id, body) values (:a, 'x'), (:b, 'y')
-- as: authenticated a
-- query: select jsonb_array_length(public.my_data() -> 'notes')
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
create function public.my_data() returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'notes', (select coalesce(jsonb_agg(to_jsonb(n) order by n.id), '[]') from public.notes n where n.user_id = auth.uid()),
    'sessions', (select coalesce(jsonb_agg(to_jsonb(s) order by s.id), '[]') from public.sessions s where s.user_id = auth.uid()))
$$;
revoke all on function public.my_data() from public;
grant execute on function public.my_data() to authenticated;
