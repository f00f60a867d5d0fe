-- unsafe: a definer function whose query changes rows in its WITH
-- rows: insert into public.notes (id, user_id, body) values (:b, :b, 'of b')
-- as: authenticated a
-- query: select public.touch(:b)
-- proof: select body from public.notes
-- returns: touched

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
create function public.touch(note uuid) returns bigint language sql security definer set search_path = '' as $$
  with changed as (update public.notes n set body = 'touched' where n.id = note returning 1)
  select count(*) from public.notes m where m.user_id = auth.uid()
$$;
revoke all on function public.touch(uuid) from public;
grant execute on function public.touch(uuid) to authenticated;
