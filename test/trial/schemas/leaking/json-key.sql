-- why: a key in a document opens a row
-- finds: POL151 public.posts

create table public.posts (
  id uuid primary key,
  author_id uuid not null references public.users (id),
  meta jsonb not null
);
alter table public.posts enable row level security;
alter table public.posts force row level security;
create policy r on public.posts for select to authenticated
  using (author_id = (select auth.uid()) or meta ->> 'visibility' = 'all');
grant select on public.posts to authenticated;
