-- unsafe: a definer function that names the database before schema and table
-- rows: insert into public.notes (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.all_notes()
-- returns: 1

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy notes_migrator on public.notes for select to migrator using (true);
grant select on public.notes to authenticated;
do $make$
begin
  execute format(
    'create function public.all_notes() returns setof uuid language sql stable security definer
      set search_path = '''' as ''select n.id from %I.public.notes n''',
    current_database()
  );
end
$make$;
revoke all on function public.all_notes() from public;
grant execute on function public.all_notes() to authenticated;
