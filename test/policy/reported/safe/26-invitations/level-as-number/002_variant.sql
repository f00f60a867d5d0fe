create table public.farms (id uuid primary key default gen_random_uuid());
create table public.farm_hands (
  farm uuid not null references public.farms (id) on delete cascade,
  hand uuid not null references public.users (id) on delete cascade,
  level smallint not null,
  primary key (farm, hand)
);
create index on public.farm_hands (hand);
create table public.farm_offers (
  farm uuid not null references public.farms (id) on delete cascade,
  hand uuid not null references public.users (id) on delete cascade,
  level smallint not null default 1,
  primary key (farm, hand)
);
create index on public.farm_offers (hand);
create table public.wages (
  id uuid primary key default gen_random_uuid(),
  farm uuid not null references public.farms (id) on delete cascade,
  cents integer not null
);
create index on public.wages (farm);
alter table public.farms enable row level security, force row level security;
alter table public.farm_hands enable row level security, force row level security;
alter table public.farm_offers enable row level security, force row level security;
alter table public.wages enable row level security, force row level security;
create policy hands_self on public.farm_hands for select to authenticated using (hand = (select auth.uid()));
create policy offers_self on public.farm_offers for select to authenticated using (hand = (select auth.uid()));
create policy farms_hands on public.farms for select to authenticated
  using (id in (select h.farm from public.farm_hands h where h.hand = (select auth.uid())));
create policy wages_foremen on public.wages for select to authenticated
  using (exists (
    select from public.farm_hands h
    where h.farm = wages.farm and h.hand = (select auth.uid()) and h.level >= 5
  ));
create policy hands_enter on public.farm_hands for insert to authenticated
  with check (
    hand = (select auth.uid())
    and level <= (
      select o.level from public.farm_offers o
      where o.farm = farm_hands.farm and o.hand = (select auth.uid())
    )
  );
grant select on public.farms, public.farm_offers, public.wages to authenticated;
grant select, insert on public.farm_hands to authenticated;
