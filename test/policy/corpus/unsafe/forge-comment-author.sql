-- unsafe: a comment on one's own post may name another author
-- rows: insert into public.posts (id, user_id) values (:a, :a)
-- as: authenticated a
-- query: insert into public.comments (post_id, author_id, body) values (:a, :b, 'forged')
-- proof: select count(*) from public.comments where author_id = :b
-- returns: 1

create table public.posts (id uuid primary key default gen_random_uuid(), user_id uuid not null references public.users (id) on delete cascade);
create table public.comments (
  id uuid primary key default gen_random_uuid(),
  post_id uuid not null references public.posts (id) on delete cascade,
  author_id uuid not null references public.users (id) on delete cascade,
  body text
);
create index on public.posts (user_id);
create index on public.comments (post_id);
create index on public.comments (author_id);
alter table public.posts enable row level security, force row level security;
alter table public.comments enable row level security, force row level security;
create policy posts_own on public.posts for select to authenticated using (user_id = (select auth.uid()));
create policy comments_own on public.comments for select to authenticated using (author_id = (select auth.uid()));
create policy comments_add on public.comments for insert to authenticated
  with check (exists (select from public.posts p where p.id = comments.post_id and p.user_id = (select auth.uid())));
grant select on public.posts to authenticated;
grant select, insert (post_id, author_id, body) on public.comments to authenticated;
