create table public.reviews (
  id uuid primary key default gen_random_uuid(),
  writer uuid not null references public.users (id) on delete cascade,
  body text not null
);
create index on public.reviews (writer);
alter table public.reviews enable row level security, force row level security;
create policy reviews_read on public.reviews for select to authenticated
  using (
    writer = (select auth.uid())
    or (select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'user_level') = 'moderator'
  );
grant select on public.reviews to authenticated;
