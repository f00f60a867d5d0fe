-- unsafe: a definer function of the migrator, made after a role that is never set
-- rows: insert into public.notes (user_id) values (:b)
-- as: authenticated a
-- query: select public.count_notes()
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
do $$
begin
  if false then
    set local role authenticated;
  end if;
end $$;
create function public.count_notes() returns bigint
language sql stable security definer set search_path = '' as 'select count(*) from public.notes';
revoke all on function public.count_notes() from public;
grant execute on function public.count_notes() to authenticated;
