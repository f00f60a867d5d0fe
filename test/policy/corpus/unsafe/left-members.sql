-- unsafe: who left a choir may take back that they left
-- rows: insert into public.choirs values ('11111111-1111-4111-8111-111111111111')
-- rows: ; insert into public.singers (choir_id, singer_id, left_at) values ('11111111-1111-4111-8111-111111111111', :a, now()), ('11111111-1111-4111-8111-111111111111', :b, null)
-- rows: ; insert into public.songs (choir_id, words) values ('11111111-1111-4111-8111-111111111111', 'of b')
-- as: authenticated a
-- query: update public.singers set left_at = null where singer_id = :a; select count(*) from public.songs
-- returns: 1

create table public.choirs (id uuid primary key default gen_random_uuid());
create table public.singers (
  choir_id uuid not null references public.choirs (id) on delete cascade,
  singer_id uuid not null references public.users (id) on delete cascade,
  voice text,
  left_at timestamptz,
  primary key (choir_id, singer_id)
);
create index on public.singers (singer_id);
create table public.songs (
  id uuid primary key default gen_random_uuid(),
  choir_id uuid not null references public.choirs (id) on delete cascade,
  words text not null
);
create index on public.songs (choir_id);
alter table public.choirs enable row level security, force row level security;
alter table public.singers enable row level security, force row level security;
alter table public.songs enable row level security, force row level security;
create policy singers_own on public.singers for select to authenticated
  using (singer_id = (select auth.uid()));
create policy singers_update on public.singers for update to authenticated
  using (singer_id = (select auth.uid())) with check (singer_id = (select auth.uid()));
create policy songs_sung on public.songs for select to authenticated
  using (exists (
    select from public.singers s
    where s.choir_id = songs.choir_id and s.singer_id = (select auth.uid()) and s.left_at is null
  ));
grant select, update (voice, left_at) on public.singers to authenticated;
grant select on public.songs to authenticated;
