-- safe: whoever founds a band owns it; members may leave
-- rows: insert into public.bands values ('11111111-1111-4111-8111-111111111111', :b); insert into public.band_people values ('11111111-1111-4111-8111-111111111111', :a, 'player'); insert into public.contracts (band, body) values ('11111111-1111-4111-8111-111111111111', 'b')
-- as: authenticated a
-- query: delete from public.band_people where person = :a; select count(*) from public.contracts
-- returns: 0

create table public.bands (id uuid primary key default gen_random_uuid(), founder uuid not null references public.users (id) on delete cascade);
create index on public.bands (founder);
create table public.band_people (band uuid not null references public.bands (id) on delete cascade, person uuid not null references public.users (id) on delete cascade, part text not null check (part in ('leader', 'player')), primary key (band, person));
create index on public.band_people (person);
create table public.contracts (id uuid primary key default gen_random_uuid(), band uuid not null references public.bands (id) on delete cascade, body text);
create index on public.contracts (band);
alter table public.bands enable row level security, force row level security;
alter table public.band_people enable row level security, force row level security;
alter table public.contracts enable row level security, force row level security;
create function public.founds(b uuid) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select from public.bands x where x.id = b and x.founder = auth.uid()) $$;
create function public.plays(b uuid) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select from public.band_people x where x.band = b and x.person = auth.uid()) $$;
revoke all on function public.founds(uuid), public.plays(uuid) from public; grant execute on function public.founds(uuid), public.plays(uuid) to authenticated;
create policy m1 on public.bands for select to migrator using (true); create policy m2 on public.band_people for select to migrator using (true);
create policy b on public.bands for select to authenticated using (founder = (select auth.uid()) or public.plays(id));
create policy p on public.band_people for select to authenticated using (person = (select auth.uid()));
create policy d on public.band_people for delete to authenticated using (person = (select auth.uid()));
create policy i on public.band_people for insert to authenticated with check (person = (select auth.uid()) and public.founds(band));
create policy c on public.contracts for select to authenticated using (exists (select from public.band_people x where x.band = contracts.band and x.person = (select auth.uid()) and x.part = 'leader'));
grant select on public.bands, public.contracts to authenticated; grant select, insert, delete on public.band_people to authenticated;
