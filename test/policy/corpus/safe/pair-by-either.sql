-- safe: a pair of users that either of them begins says nothing in a name
-- rows: insert into public.pairs (user_a, user_b) values (:b, :b)
-- as: authenticated a
-- query: insert into public.pairs (user_a, user_b) values (:b, :a); select count(*) from public.pairs
-- returns: 1

create table public.pairs (
  id uuid primary key default gen_random_uuid(),
  user_a uuid not null references public.users (id) on delete cascade,
  user_b uuid not null references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  unique (user_a, user_b)
);
create index on public.pairs (user_b);
alter table public.pairs enable row level security, force row level security;
create policy pairs_read on public.pairs for select to authenticated
  using ((select auth.uid()) in (user_a, user_b));
create policy pairs_begin on public.pairs for insert to authenticated
  with check ((select auth.uid()) in (user_a, user_b));
grant select, insert on public.pairs to authenticated;
