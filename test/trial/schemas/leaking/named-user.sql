-- why: a user whom the policy names reads everything
-- finds: POL151 public.posts

create table public.posts (
  id uuid primary key,
  author_id uuid not null references public.users (id)
);
alter table public.posts enable row level security;
alter table public.posts force row level security;
create policy r on public.posts for select to authenticated
  using (author_id = (select auth.uid())
    or (select auth.uid()) = '12345678-1234-4234-8234-123456789012');
grant select on public.posts to authenticated;
