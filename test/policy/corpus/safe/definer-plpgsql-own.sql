-- safe: a definer function in PL/pgSQL that reads and changes the caller's rows
-- rows: insert into public.notes (user_id, body) values (:a, 'x'), (:b, 'x')
-- as: authenticated a
-- query: select public.archive_notes()
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
create policy notes_migrator on public.notes for all to migrator using (true) with check (true);
create function public.archive_notes() returns bigint language plpgsql security definer set search_path = '' as $$
declare
  me uuid := auth.uid();
  changed bigint;
begin
  if me is null then
    raise exception 'nobody is signed in';
  end if;
  update public.notes set body = '[archived] ' || body where user_id = me;
  get diagnostics changed = row_count;
  return changed;
end $$;
revoke all on function public.archive_notes() from public;
grant execute on function public.archive_notes() to authenticated;
