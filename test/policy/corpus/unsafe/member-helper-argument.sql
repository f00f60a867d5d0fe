-- unsafe: a helper in SQL whose argument is hidden by a column of that name
-- rows: insert into public.houses values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.residents values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.chores (house_id, what) values ('11111111-1111-4111-8111-111111111111', 'of a'), ('22222222-2222-4222-8222-222222222222', 'of b')
-- as: authenticated a
-- query: select count(*) from public.chores
-- returns: 2

create table public.houses (id uuid primary key default gen_random_uuid());
create table public.residents (
  house_id uuid not null references public.houses (id) on delete cascade,
  resident uuid not null references public.users (id) on delete cascade,
  primary key (house_id, resident)
);
create index on public.residents (resident);
create table public.chores (
  id uuid primary key default gen_random_uuid(),
  house_id uuid not null references public.houses (id) on delete cascade,
  what text not null
);
create index on public.chores (house_id);
alter table public.houses enable row level security, force row level security;
alter table public.residents enable row level security, force row level security;
alter table public.chores enable row level security, force row level security;
create policy residents_migrator on public.residents for all to migrator using (true) with check (true);
create function public.lives_in(house_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.residents r where r.house_id = house_id and r.resident = auth.uid())
$$;
revoke all on function public.lives_in(uuid) from public;
grant execute on function public.lives_in(uuid) to authenticated;
create policy residents_of_house on public.residents for select to authenticated
  using (public.lives_in(house_id));
create policy houses_lived_in on public.houses for select to authenticated using (public.lives_in(id));
create policy chores_of_house on public.chores for all to authenticated
  using (public.lives_in(house_id)) with check (public.lives_in(house_id));
grant select on public.houses, public.residents to authenticated;
grant select, insert (house_id, what), update (what), delete on public.chores to authenticated;
