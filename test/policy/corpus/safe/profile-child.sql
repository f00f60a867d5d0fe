-- safe: a reference to a table keyed by the user
-- rows: insert into public.profiles values (:a), (:b); insert into public.notes (profile) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.notes
-- returns: 1

create table public.profiles (
  id uuid primary key references public.users (id),
  name text
);
alter table public.profiles enable row level security, force row level security;
create policy profiles_own on public.profiles for select to authenticated using ((select auth.uid()) = id);
grant select on public.profiles to authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  profile uuid not null references public.profiles (id),
  body text
);
alter table public.notes enable row level security, force row level security;
create index on public.notes (profile);
create policy notes_own on public.notes
  for select to authenticated
  using ((select auth.uid()) = profile);
grant select on public.notes to authenticated;
