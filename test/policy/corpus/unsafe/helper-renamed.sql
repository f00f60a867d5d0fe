-- unsafe: the policy keeps the function that lets everybody through, under its new name
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 2

create function public.is_mine(owner uuid) returns boolean
  language sql stable set search_path = ''
  as $$ select true $$;
revoke all on function public.is_mine(uuid) from public;
grant execute on function public.is_mine(uuid) to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using (public.is_mine(user_id));
grant select on public.notes to authenticated;
alter function public.is_mine(uuid) rename to is_anybodys;
create function public.is_mine(owner uuid) returns boolean
  language sql stable set search_path = ''
  as $$ select owner = (select auth.uid()) $$;
revoke all on function public.is_mine(uuid) from public;
grant execute on function public.is_mine(uuid) to authenticated;
