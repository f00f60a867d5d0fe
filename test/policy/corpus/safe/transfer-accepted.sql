-- safe: a car is handed over to the user whom its owner offered it to
-- rows: insert into public.cars (id, keeper) values ('11111111-1111-4111-8111-111111111111', :b)
-- rows: ; insert into public.users (id, email) values (:c, 'c')
-- rows: ; insert into public.car_offers (id, car_id, taker) values ('22222222-2222-4222-8222-222222222222', '11111111-1111-4111-8111-111111111111', :c)
-- as: authenticated a
-- query: select public.take_car('22222222-2222-4222-8222-222222222222')
-- proof: select keeper from public.cars
-- returns: bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb

create table public.cars (
  id uuid primary key default gen_random_uuid(),
  keeper uuid not null references public.users (id) on delete cascade
);
create index on public.cars (keeper);
create table public.car_offers (
  id uuid primary key default gen_random_uuid(),
  car_id uuid not null references public.cars (id) on delete cascade,
  taker uuid not null references public.users (id) on delete cascade,
  unique (car_id, taker)
);
create index on public.car_offers (taker);
alter table public.cars enable row level security, force row level security;
alter table public.car_offers enable row level security, force row level security;
create policy cars_migrator on public.cars for all to migrator using (true) with check (true);
create policy car_offers_migrator on public.car_offers for all to migrator using (true) with check (true);
create policy cars_kept on public.cars for select to authenticated using (keeper = (select auth.uid()));
create policy offers_seen on public.car_offers for select to authenticated
  using (
    taker = (select auth.uid())
    or car_id in (select c.id from public.cars c where c.keeper = (select auth.uid()))
  );
create policy offers_made on public.car_offers for insert to authenticated
  with check (car_id in (select c.id from public.cars c where c.keeper = (select auth.uid())));
grant select on public.cars to authenticated;
grant select, insert (car_id, taker) on public.car_offers to authenticated;
create function public.take_car(offer uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  offered public.car_offers;
begin
  select * into offered from public.car_offers o where o.id = offer and o.taker = auth.uid();
  if offered.id is not null then
    update public.cars set keeper = auth.uid() where id = offered.car_id;
    delete from public.car_offers where car_id = offered.car_id;
  end if;
end
$$;
revoke all on function public.take_car(uuid) from public;
grant execute on function public.take_car(uuid) to authenticated;
