-- unsafe: a variable that holds the user only until it is given a parameter
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select public.count_notes(:b)
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
create function public.count_notes(whose uuid default null) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  target uuid := auth.uid();
begin
  if whose is not null then
    target := whose;
  end if;
  return (select count(*) from public.notes n where n.user_id = target);
end $$;
revoke all on function public.count_notes(uuid) from public;
grant execute on function public.count_notes(uuid) to authenticated;
