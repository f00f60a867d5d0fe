-- safe: the back office alone stores large objects
-- rows: insert into public.recordings (user_id, content) values (:a, '\x01'), (:b, '\x02')
-- as: authenticated a
-- query: select count(*) from public.recordings
-- returns: 1

create table public.recordings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  content bytea
);
create index on public.recordings (user_id);
alter table public.recordings enable row level security, force row level security;
create policy recordings_own on public.recordings for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, content), delete on public.recordings to authenticated;
-- lo_get() is nothing for users.
create function public.archive(p_bytes bytea) returns oid
language sql set search_path = '' as $$
  select lo_from_bytea(0, p_bytes)
$$;
revoke all on function public.archive(bytea) from public;
grant execute on function public.archive(bytea) to service_role;
