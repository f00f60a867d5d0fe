-- unsafe: a definer function whose result depends on rows of others
-- rows: insert into public.posts (user_id) values (:b)
-- as: authenticated a
-- query: select public.others(:b)
-- returns: false

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.posts (user_id);
alter table public.posts enable row level security, force row level security;
create policy posts_own on public.posts for select to authenticated
  using ((select auth.uid()) = user_id);
grant select on public.posts to authenticated;
create policy posts_m on public.posts for select to migrator using (true);
create function public.others(who uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$
begin
  if exists (select 1 from public.posts where user_id = who) then return false; end if;
  return exists (select 1 from public.posts p where p.user_id = auth.uid()) or true;
end $$;
revoke all on function public.others(uuid) from public;
grant execute on function public.others(uuid) to authenticated;
