-- safe: a definer function that sets up everything of a new user's own
-- as: authenticated a
-- query: select public.onboard('x')
-- proof: select count(*) from public.notes where user_id = :a
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
create table public.profiles (user_id uuid primary key references public.users (id) on delete cascade, name text not null);
alter table public.profiles enable row level security, force row level security;
create policy profiles_own on public.profiles for select to authenticated using (user_id = (select auth.uid()));
create policy profiles_migrator on public.profiles for all to migrator using (true) with check (true);
create policy notes_migrator on public.notes for all to migrator using (true) with check (true);
grant select on public.profiles to authenticated;
create function public.onboard(display_name text) returns void language plpgsql security definer set search_path = '' as $$
declare
  me uuid;
begin
  select auth.uid() into me;
  if me is null then
    raise exception 'sign in';
  end if;
  insert into public.profiles (user_id, name) values (me, display_name)
    on conflict (user_id) do update set name = excluded.name;
  insert into public.notes (user_id, body)
    select me, t.body from (values ('welcome')) as t (body)
    where not exists (select from public.notes n where n.user_id = me);
end $$;
revoke all on function public.onboard(text) from public;
grant execute on function public.onboard(text) to authenticated;
