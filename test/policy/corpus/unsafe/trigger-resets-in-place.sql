-- unsafe: whoever claims the key of another user's post changes it in place
-- rows: insert into public.posts (id, user_id, title) values (:b, :b, 'of b')
-- as: authenticated a
-- query: insert into public.claims (user_id, post_id) values (:a, :b)
-- proof: select title from public.posts where user_id = :b
-- returns: claimed

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  title text not null
);
create index on public.posts (user_id);
create table public.claims (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  post_id uuid not null
);
create index on public.claims (user_id);
alter table public.posts enable row level security, force row level security;
alter table public.claims enable row level security, force row level security;
create policy posts_own on public.posts for select to authenticated using ((select auth.uid()) = user_id);
create policy posts_migrator on public.posts for all to migrator using (true) with check (true);
create policy claims_own on public.claims for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select on public.posts to authenticated;
grant select, insert (user_id, post_id) on public.claims to authenticated;
create function public.claim() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.posts (id, user_id, title) values (new.post_id, new.user_id, 'mine')
    on conflict (id) do update set title = 'claimed';
  return null;
end $$;
revoke all on function public.claim() from public;
create trigger claim after insert on public.claims for each row execute function public.claim();
