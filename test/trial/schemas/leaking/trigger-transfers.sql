-- why: a trigger gives away whatever row its own row names
-- finds: POL152 public.claims

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
create policy w on public.posts for all to migrator using (true) with check (true);
create table public.claims (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  post_id uuid not null
);
create index on public.claims (user_id);
alter table public.claims enable row level security, force row level security;
create policy c on public.claims for insert to authenticated
  with check (user_id = (select auth.uid()));
grant insert on public.claims to authenticated;
create function public.claim_post() returns trigger
  language plpgsql security definer set search_path = ''
  as $$ begin update public.posts set user_id = new.user_id
    where id = new.post_id; return new; end $$;
revoke all on function public.claim_post() from public;
create trigger claim after insert on public.claims for each row
  execute function public.claim_post();
