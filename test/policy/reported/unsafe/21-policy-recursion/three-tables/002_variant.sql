create table public.shops (
  id uuid primary key default gen_random_uuid(),
  keeper uuid not null references public.users (id) on delete cascade
);
create index on public.shops (keeper);
create table public.shelves (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade
);
create index on public.shelves (shop_id);
create table public.boxes (
  id uuid primary key default gen_random_uuid(),
  shelf_id uuid not null references public.shelves (id) on delete cascade,
  packer uuid references public.users (id) on delete set null
);
create index on public.boxes (shelf_id);
create index on public.boxes (packer);
alter table public.shops enable row level security, force row level security;
alter table public.shelves enable row level security, force row level security;
alter table public.boxes enable row level security, force row level security;
create policy shops_read on public.shops for select to authenticated
  using (
    keeper = (select auth.uid())
    or exists (
      select from public.boxes b join public.shelves s on s.id = b.shelf_id
      where s.shop_id = shops.id and b.packer = (select auth.uid())
    )
  );
create policy shelves_read on public.shelves for select to authenticated
  using (exists (select from public.shops s where s.id = shelves.shop_id));
create policy boxes_read on public.boxes for select to authenticated
  using (packer = (select auth.uid()) or exists (select from public.shelves s where s.id = boxes.shelf_id));
grant select on public.shops, public.shelves, public.boxes to authenticated;
