-- unsafe: recordings are large objects of the role that all signed-in users share
-- as: authenticated a
-- query: select public.save_recording('\x6f6e6c79206f662061'); select set_config('request.jwt.claims', '{"sub": "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"}', true); select convert_from(lo_get(oid), 'UTF8') from pg_catalog.pg_largeobject_metadata
-- returns: only of a

create table public.recordings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  content oid not null
);
create index on public.recordings (user_id);
alter table public.recordings enable row level security, force row level security;
create policy recordings_own on public.recordings for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, content), delete on public.recordings to authenticated;
create function public.save_recording(p_bytes bytea) returns uuid
language plpgsql set search_path = '' as $$
declare
  made uuid;
begin
  insert into public.recordings (user_id, content)
  values (auth.uid(), lo_from_bytea(0, p_bytes))
  returning id into made;
  return made;
end
$$;
revoke all on function public.save_recording(bytea) from public;
grant execute on function public.save_recording(bytea) to authenticated;
