-- safe: a summary of a store, with the rights of its owner, for those who work there
-- rows: insert into public.stores values ('11111111-1111-4111-8111-111111111111'), ('22222222-2222-4222-8222-222222222222')
-- rows: ; insert into public.store_staff values ('11111111-1111-4111-8111-111111111111', :a), ('22222222-2222-4222-8222-222222222222', :b)
-- rows: ; insert into public.sales (store_id, cents) values ('22222222-2222-4222-8222-222222222222', 500)
-- as: authenticated a
-- query: select 0
-- returns: 0

create table public.stores (id uuid primary key default gen_random_uuid());
create table public.store_staff (
  store_id uuid not null references public.stores (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  primary key (store_id, user_id)
);
create index on public.store_staff (user_id);
create table public.sales (
  id bigint generated always as identity primary key,
  store_id uuid not null references public.stores (id) on delete cascade,
  cents integer not null
);
create index on public.sales (store_id);
alter table public.stores enable row level security, force row level security;
alter table public.store_staff enable row level security, force row level security;
alter table public.sales enable row level security, force row level security;
create policy store_staff_migrator on public.store_staff for all to migrator using (true) with check (true);
create policy sales_migrator on public.sales for all to migrator using (true) with check (true);
create policy staff_own on public.store_staff for select to authenticated
  using (user_id = (select auth.uid()));
grant select on public.store_staff to authenticated;
create function public.store_total(store uuid) returns bigint
language plpgsql stable security definer set search_path = '' as $$
begin
  perform from public.store_staff s where s.user_id = auth.uid() and s.store_id = store;
  if not found then
    raise exception 'this is not your store' using errcode = 'insufficient_privilege';
  end if;
  return (select coalesce(sum(s.cents), 0) from public.sales s where s.store_id = store);
end
$$;
revoke all on function public.store_total(uuid) from public;
grant execute on function public.store_total(uuid) to authenticated;
