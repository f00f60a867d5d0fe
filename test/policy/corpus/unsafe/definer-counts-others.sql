-- unsafe: a definer function counts rows of all but mine
-- rows: insert into public.posts (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select public.others()
-- returns: 1

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
create function public.others() returns bigint language sql stable security definer set search_path = '' as 'select count(*) filter (where user_id <> auth.uid()) from public.posts';
revoke all on function public.others() from public;
grant execute on function public.others() to authenticated;
