-- safe: a restrictive policy keeps out whom the owner blocked, of those whom they let in
-- rows: insert into public.albums (id, holder) values ('11111111-1111-4111-8111-111111111111', :b)
-- as: authenticated a
-- query: select count(*) from public.albums
-- returns: 0

create table public.albums (
  id uuid primary key default gen_random_uuid(),
  holder uuid not null references public.users (id) on delete cascade
);
create index on public.albums (holder);
create table public.friends (
  holder uuid not null references public.users (id) on delete cascade,
  friend uuid not null references public.users (id) on delete cascade,
  primary key (holder, friend)
);
create index on public.friends (friend);
create table public.blocks (
  blocker uuid not null references public.users (id) on delete cascade,
  blocked uuid not null references public.users (id) on delete cascade,
  primary key (blocker, blocked)
);
create index on public.blocks (blocked);
alter table public.albums enable row level security, force row level security;
alter table public.friends enable row level security, force row level security;
alter table public.blocks enable row level security, force row level security;
create policy blocks_migrator on public.blocks for all to migrator using (true) with check (true);
create function public.is_blocked_by(person uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.blocks b where b.blocker = person and b.blocked = auth.uid())
$$;
revoke all on function public.is_blocked_by(uuid) from public;
grant execute on function public.is_blocked_by(uuid) to authenticated;
create policy albums_friends on public.albums for select to authenticated
  using (
    holder = (select auth.uid())
    or exists (
      select from public.friends f where f.holder = albums.holder and f.friend = (select auth.uid())
    )
  );
create policy albums_blocked on public.albums as restrictive for select to authenticated
  using (not public.is_blocked_by(holder));
create policy friends_seen on public.friends for select to authenticated
  using (holder = (select auth.uid()) or friend = (select auth.uid()));
create policy friends_made on public.friends for insert to authenticated
  with check (holder = (select auth.uid()));
create policy friends_ended on public.friends for delete to authenticated
  using (holder = (select auth.uid()));
create policy blocks_own on public.blocks for all to authenticated
  using (blocker = (select auth.uid())) with check (blocker = (select auth.uid()));
grant select on public.albums to authenticated;
grant select, insert, delete on public.friends, public.blocks to authenticated;
