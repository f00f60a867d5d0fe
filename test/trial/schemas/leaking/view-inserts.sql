-- why: users insert for others into a view that they cannot read
-- finds: POL156 public.v_posts

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
create policy posts_migrator on public.posts for all to migrator using (true) with check (true);
create view public.v_posts as select * from public.posts;
grant insert on public.v_posts to authenticated;
