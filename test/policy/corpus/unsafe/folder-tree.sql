-- unsafe: folders in any folder
-- rows: insert into public.folders (id, created_by) values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- as: authenticated a
-- query: insert into public.folders (created_by, parent) values (:a, '22222222-2222-4222-8222-222222222222')
-- proof: select count(*) from public.folders where parent is not null
-- returns: 1

create table public.folders (
  id uuid primary key default gen_random_uuid(),
  created_by uuid not null references public.users (id) on delete cascade,
  parent uuid references public.folders (id) on delete cascade
);
create index on public.folders (created_by);
create index on public.folders (parent);
alter table public.folders enable row level security, force row level security;
create policy folders_migrator on public.folders for all to migrator using (true) with check (true);
create function public.made_folder(folder uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.folders f where f.id = folder and f.created_by = auth.uid())
$$;
revoke all on function public.made_folder(uuid) from public;
grant execute on function public.made_folder(uuid) to authenticated;
create policy folders_seen on public.folders for select to authenticated
  using (created_by = (select auth.uid()));
create policy folders_made on public.folders for insert to authenticated
  with check (created_by = (select auth.uid()));
grant select, insert (created_by, parent) on public.folders to authenticated;
