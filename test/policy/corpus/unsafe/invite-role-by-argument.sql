-- unsafe: the invited says by an argument which role they take
-- rows: insert into public.shops values ('11111111-1111-4111-8111-111111111111'); insert into public.shop_invites (shop, guest, role) values ('11111111-1111-4111-8111-111111111111', :a, 'clerk'); insert into public.tills (shop, cents) values ('11111111-1111-4111-8111-111111111111', 5)
-- as: authenticated a
-- query: select public.take_job('11111111-1111-4111-8111-111111111111', 'boss'); select count(*) from public.tills
-- returns: 1

create table public.shops (id uuid primary key default gen_random_uuid());
create type public.job as enum ('clerk', 'boss');
create table public.shop_people (shop uuid not null references public.shops (id) on delete cascade, worker uuid not null references public.users (id) on delete cascade, role public.job not null, primary key (shop, worker));
create index on public.shop_people (worker);
create table public.shop_invites (shop uuid not null references public.shops (id) on delete cascade, guest uuid not null references public.users (id) on delete cascade, role public.job not null, primary key (shop, guest));
create index on public.shop_invites (guest);
create table public.tills (id uuid primary key default gen_random_uuid(), shop uuid not null references public.shops (id) on delete cascade, cents integer not null);
create index on public.tills (shop);
alter table public.shops enable row level security, force row level security;
alter table public.shop_people enable row level security, force row level security;
alter table public.shop_invites enable row level security, force row level security;
alter table public.tills enable row level security, force row level security;
create policy m1 on public.shop_people for all to migrator using (true) with check (true);
create policy m2 on public.shop_invites for all to migrator using (true) with check (true);
create policy p on public.shop_people for select to authenticated using (worker = (select auth.uid()));
create policy i on public.shop_invites for select to authenticated using (guest = (select auth.uid()));
create policy s on public.shops for select to authenticated using (id in (select p.shop from public.shop_people p where p.worker = (select auth.uid())));
create policy t on public.tills for select to authenticated using (id is not null and shop in (select p.shop from public.shop_people p where p.worker = (select auth.uid()) and p.role = 'boss'));
grant select on public.shops, public.shop_people, public.shop_invites, public.tills to authenticated;
create function public.take_job(at_shop uuid, wanted public.job) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into public.shop_people (shop, worker, role) select i.shop, i.guest, wanted from public.shop_invites i
  where i.shop = at_shop and i.guest = auth.uid() on conflict do nothing;
  if not found then raise exception 'not invited'; end if;
end $$;
revoke all on function public.take_job(uuid, public.job) from public;
grant execute on function public.take_job(uuid, public.job) to authenticated;
