-- unsafe: files in folders, for whoever has a team at all
-- rows: insert into public.crews values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.crew_users values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.uploads (name) values ('11111111-1111-4111-8111-111111111111/1.pdf'), ('22222222-2222-4222-8222-222222222222/2.pdf')
-- as: authenticated a
-- query: select count(*) from public.uploads
-- returns: 2

create table public.crews (id uuid primary key default gen_random_uuid());
create table public.crew_users (
  crew_id uuid not null references public.crews (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (crew_id, user_id)
);
create index on public.crew_users (user_id);
create function public.folders(name text) returns text[]
language sql immutable set search_path = '' as $$
  select (string_to_array(name, '/'))[1 : cardinality(string_to_array(name, '/')) - 1]
$$;
revoke all on function public.folders(text) from public;
grant execute on function public.folders(text) to authenticated;
create table public.uploads (
  id uuid primary key default gen_random_uuid(),
  name text not null unique
);
alter table public.crews enable row level security, force row level security;
alter table public.crew_users enable row level security, force row level security;
alter table public.uploads enable row level security, force row level security;
create policy crew_users_own on public.crew_users for select to authenticated
  using (user_id = (select auth.uid()));
create policy uploads_crew on public.uploads for all to authenticated
  using (exists (
    select from public.crew_users u
    where u.user_id = (select auth.uid())
  ))
  with check (exists (
    select from public.crew_users u
    where u.user_id = (select auth.uid()) and u.crew_id::text = (public.folders(uploads.name))[1]
  ));
grant select on public.crew_users to authenticated;
grant select, insert (name), delete on public.uploads to authenticated;
