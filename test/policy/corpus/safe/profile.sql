-- safe: a table keyed by the user
-- rows: insert into public.profiles values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.profiles
-- returns: 1

create table public.profiles (
  id uuid primary key references public.users (id) on delete cascade,
  name text
);
alter table public.profiles enable row level security, force row level security;
create policy profiles_own on public.profiles for select to authenticated using ((select auth.uid()) = id);
grant select on public.profiles to authenticated;
