-- unsafe: a trigger stores the text as a large object of whoever writes, which is one role for all
-- as: authenticated a
-- query: insert into public.recordings (user_id, spoken) values (:a, 'only of a'); select set_config('request.jwt.claims', '{"sub": "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"}', true); select convert_from(lo_get(oid), 'UTF8') from pg_catalog.pg_largeobject_metadata
-- returns: only of a

create table public.recordings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  content oid,
  spoken text
);
create index on public.recordings (user_id);
alter table public.recordings enable row level security, force row level security;
create policy recordings_own on public.recordings for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, spoken), delete on public.recordings to authenticated;
create function public.store() returns trigger
language plpgsql set search_path = '' as $$
begin
  execute 'select lo_from_bytea(0, $1)' into new.content using convert_to(new.spoken, 'UTF8');
  new.spoken := null;
  return new;
end
$$;
revoke all on function public.store() from public;
create trigger stores before insert on public.recordings
  for each row execute function public.store();
