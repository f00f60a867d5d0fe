-- unsafe: a definer function that takes on the identity it is given
-- rows: insert into public.notes (user_id, body) values (:b, 'of b')
-- as: authenticated a
-- query: select public.act_as(:b)
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
create function public.act_as(who uuid) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  counted bigint;
begin
  perform pg_catalog.set_config('request.jwt.claims', json_build_object('sub', who)::text, true);
  select count(*) into counted from public.notes n where n.user_id = auth.uid();
  return counted;
end $$;
revoke all on function public.act_as(uuid) from public;
grant execute on function public.act_as(uuid) to authenticated;
