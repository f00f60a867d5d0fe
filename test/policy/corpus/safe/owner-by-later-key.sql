-- safe: constraint added later makes the owner
-- rows: insert into public.posts (author) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.posts
-- returns: 1

create table public.posts (id uuid primary key default gen_random_uuid(), author uuid not null);
alter table public.posts add constraint posts_author_fkey foreign key (author) references public.users (id) on delete cascade not valid;
alter table public.posts validate constraint posts_author_fkey;
create index on public.posts (author);
alter table only public.posts enable row level security;
alter table only public.posts force row level security;
create policy own on public.posts for all to authenticated using (author = (select auth.uid())) with check (author = (select auth.uid()));
grant select, insert, update, delete on table public.posts to authenticated;
