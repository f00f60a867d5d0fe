-- unsafe: an operator that looks like equality
-- rows: insert into public.notes (user_id, body) values (:a, 'of a'), (:b, 'of b')
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 2

create function public.always(uuid, uuid) returns boolean language sql immutable set search_path = '' as 'select true';
revoke all on function public.always(uuid, uuid) from public;
grant execute on function public.always(uuid, uuid) to authenticated;
create operator public.= (leftarg = uuid, rightarg = uuid, function = public.always);
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (user_id);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) operator(public.=) user_id);
grant select on public.notes to authenticated;
