-- why: two columns together open a row
-- finds: POL151 public.posts

create type public.st as enum('a', 'b', 'c', 'd', 'e', 'f', 'g', 'published');
create table public.posts (
  id uuid primary key,
  author_id uuid not null references public.users (id),
  status public.st not null,
  visibility text not null default 'x'
);
alter table public.posts enable row level security;
alter table public.posts force row level security;
create policy r on public.posts for select to authenticated
  using (author_id = (select auth.uid()) or (status = 'published' and visibility = 'everyone'));
grant select on public.posts to authenticated;
