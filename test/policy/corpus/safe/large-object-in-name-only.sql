-- safe: a function of the schema's own is called as one of PostgreSQL's
-- rows: insert into public.recordings (user_id, content) values (:a, '\x01'), (:b, '\x02')
-- as: authenticated a
-- query: select public.lo_get() + public.sizes()
-- returns: 2

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
create function public.lo_get() returns bigint
language sql stable set search_path = '' as $$
  -- Not lo_get(oid), but all of the user's recordings.
  select count(*) from public.recordings
$$;
create function public.sizes() returns bigint
language sql stable set search_path = '' as $$
  select public.lo_get()
$$;
revoke all on function public.lo_get(), public.sizes() from public;
grant execute on function public.lo_get(), public.sizes() to authenticated;
