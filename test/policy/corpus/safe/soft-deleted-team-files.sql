-- safe: files of a team that were not deleted
-- rows: insert into public.bands values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.players values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.tracks (band_id, deleted_at) values ('11111111-1111-4111-8111-111111111111', null), ('22222222-2222-4222-8222-222222222222', now())
-- as: authenticated a
-- query: select count(*) from public.tracks
-- returns: 1

create table public.bands (id uuid primary key default gen_random_uuid());
create table public.players (
  band_id uuid not null references public.bands (id) on delete cascade,
  player_id uuid not null references public.users (id) on delete cascade,
  primary key (band_id, player_id)
);
create index on public.players (player_id);
create table public.tracks (
  id uuid primary key default gen_random_uuid(),
  band_id uuid not null references public.bands (id) on delete cascade,
  deleted_at timestamptz
);
create index on public.tracks (band_id);
alter table public.bands enable row level security, force row level security;
alter table public.players enable row level security, force row level security;
alter table public.tracks enable row level security, force row level security;
create policy players_own on public.players for select to authenticated
  using (player_id = (select auth.uid()));
create policy tracks_played on public.tracks for select to authenticated
  using (exists (
    select from public.players p
    where p.player_id = (select auth.uid()) and
      p.band_id = tracks.band_id and tracks.deleted_at is null
  ));
grant select on public.players, public.tracks to authenticated;
