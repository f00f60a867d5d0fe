-- why: an instead of trigger writes for others
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
create policy w on public.posts for insert to migrator with check (true);
create view public.v_posts with (security_invoker = true) as select user_id, body from public.posts;
create function public.v_insert () returns trigger
  language plpgsql security definer set search_path = ''
  as $$ begin
    insert into public.posts (user_id, body) values (new.user_id, new.body); return new; end $$;
revoke all on function public.v_insert () from public;
create trigger ins instead of insert on public.v_posts for each row
  execute function public.v_insert ();
grant select, insert on public.v_posts to authenticated;
