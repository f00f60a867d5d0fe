-- safe: an operator of the application's that is gone before a policy is made
-- rows: insert into public.notes (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create function public.always(a uuid, b uuid) returns boolean
language sql immutable set search_path = '' as 'select true';
create operator public.= (leftarg = uuid, rightarg = uuid, function = public.always);
drop operator public.= (uuid, uuid);
drop function public.always(uuid, uuid);
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
create policy notes_own on public.notes for select to authenticated using (user_id = (select auth.uid()));
grant select on public.notes to authenticated;
