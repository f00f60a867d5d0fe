-- safe: public rows beside one's own, in a table that the contract shares
-- shares: public.posts
-- rows: insert into public.posts (author, is_public, body) values (:b, true, 'shown'), (:b, false, 'hidden')
-- as: authenticated a
-- query: select count(*) from public.posts
-- returns: 1

create table public.posts (
  id uuid primary key default gen_random_uuid(),
  author uuid not null references public.users (id) on delete cascade,
  is_public boolean not null default false,
  body text not null
);
create index on public.posts (author);
alter table public.posts enable row level security, force row level security;
create policy posts_read on public.posts for select to authenticated
  using (is_public or author = (select auth.uid()));
create policy posts_write on public.posts for insert to authenticated
  with check (author = (select auth.uid()));
create policy posts_change on public.posts for update to authenticated
  using (author = (select auth.uid())) with check (author = (select auth.uid()));
grant select, insert (author, is_public, body), update (is_public, body) on public.posts to authenticated;
