-- unsafe: a helper that says whether its query has found nothing
-- rows: insert into public.folders values (:a, :a), (:b, :b); insert into public.pages (folder_id, body) values (:a, 'of A'), (:b, 'of B')
-- as: authenticated a
-- query: select count(*) from public.pages where body = 'of B'
-- returns: 1

create table public.folders (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id));
create table public.pages (id uuid primary key default gen_random_uuid(), folder_id uuid not null references public.folders (id), body text not null);
create index on public.folders (user_id);
create index on public.pages (folder_id);
alter table public.folders enable row level security, force row level security;
alter table public.pages enable row level security, force row level security;
create policy m on public.folders for select to migrator using (true);
create policy own on public.folders for select to authenticated using ((select auth.uid()) = user_id);
create function public.owns_folder(folder uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$
begin
  perform from public.folders f where f.id = folder and f.user_id = auth.uid();
  return not found;
end
$$;
revoke all on function public.owns_folder(uuid) from public;
grant execute on function public.owns_folder(uuid) to authenticated;
create policy own on public.pages for select to authenticated using (public.owns_folder(folder_id));
grant select on public.folders, public.pages to authenticated;
